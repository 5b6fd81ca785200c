//! Picks the certificate authorities that AWS's endpoints are signed by out of Mozilla's list, and refuses to build
//! over the one TLS provider whose first connection stalls.

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    refuse_the_entropy_stall(Path::new("Cargo.lock"))?;
    fix_the_function_in_place();
    #[cfg(feature = "aws")]
    roots::write()?;
    Ok(())
}

/// Links the function to run at a fixed address, for Linux: the loader need not patch its 19,000 pointers at every cold
/// start, nor copy the pages that they are in (docs/decisions/0017-the-function-runs-at-a-fixed-address.md).
#[expect(clippy::disallowed_methods, reason = "how cargo tells a build script")]
fn fix_the_function_in_place() {
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo::rustc-link-arg-bin=bootstrap=-no-pie");
    }
}

/// aws-lc gathers entropy from the processor's jitter at its first use: some 30 ms of pure computation, of which a
/// small function has a seventh of a processor (docs/decisions/0005-ring.md). A default feature of almost any crate
/// near TLS brings it back unseen.
fn refuse_the_entropy_stall(lock: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", lock.display());
    // Without a lock there is nothing to look at: it is part of the repository.
    let Ok(text) = std::fs::read_to_string(lock) else {
        return Ok(());
    };
    match text.lines().find(|line| line.starts_with("name = \"aws-lc-")) {
        None => Ok(()),
        Some(line) => Err(format!(
            "Cargo.lock has {line}: its first TLS connection stalls a cold start, so the one TLS provider is ring. \
             Turn off the default feature that brings it in (cargo tree -i names the crate)"
        )
        .into()),
    }
}

#[cfg(feature = "aws")]
mod roots {
    use std::error::Error;
    use std::fmt::Write as _;
    use std::path::PathBuf;

    use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

    /// Amazon Trust Services' authorities, by the names in their certificates.
    const NAMES: [&str; 5] = [
        "Amazon Root CA 1",
        "Amazon Root CA 2",
        "Amazon Root CA 3",
        "Amazon Root CA 4",
        "Starfield Services Root Certificate Authority - G2",
    ];
    const LINE: usize = 64;

    /// Writes them as PEM, as the SDK takes them.
    pub(crate) fn write() -> Result<(), Box<dyn Error>> {
        let mut pem = String::new();
        for name in NAMES {
            let bears = |certificate: &[u8]| {
                certificate
                    .windows(name.len())
                    .any(|part| part == name.as_bytes())
            };
            let mut found = TLS_SERVER_ROOT_CERTS.iter().filter(|root| bears(root));
            let (Some(root), None) = (found.next(), found.next()) else {
                return Err(format!("webpki-root-certs has not exactly one {name:?}").into());
            };
            pem.push_str("-----BEGIN CERTIFICATE-----\n");
            let text = data_encoding::BASE64.encode(root);
            for start in (0..text.len()).step_by(LINE) {
                writeln!(pem, "{}", &text[start..text.len().min(start + LINE)])?;
            }
            pem.push_str("-----END CERTIFICATE-----\n");
        }
        let folder = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
        Ok(std::fs::write(folder.join("amazon-roots.pem"), pem)?)
    }
}
