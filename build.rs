//! Refuses to build over the one TLS provider whose first connection stalls, and warns of embedded certificate
//! authorities that are near their end.

use std::error::Error;
use std::path::Path;
use std::time::SystemTime;

const SECONDS_A_YEAR: u64 = 31_556_952;
/// How many years before its end an authority is warned of.
const YEARS_AHEAD: u64 = 3;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    refuse_the_entropy_stall(Path::new("Cargo.lock"))?;
    fix_the_function_in_place();
    warn_of_authorities_near_their_end(Path::new("src/aws/authorities.pem"))
}

/// Links the functions to run at a fixed address, for Linux: the loader need not patch its 19,000 pointers at every cold
/// start, nor copy the pages that they are in (docs/decisions/0017-the-function-runs-at-a-fixed-address.md).
#[expect(clippy::disallowed_methods, reason = "how cargo tells a build script")]
fn fix_the_function_in_place() {
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo::rustc-link-arg-bin=bootstrap=-no-pie");
        println!("cargo::rustc-link-arg-bin=drills=-no-pie");
        println!("cargo::rustc-link-arg-bin=report=-no-pie");
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

/// An authority near its end must be replaced in good time: after it, no function reaches AWS.
#[expect(
    clippy::disallowed_methods,
    reason = "a build script has no clock handed to it"
)]
fn warn_of_authorities_near_their_end(file: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", file.display());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let this_year = 1970 + now.as_secs() / SECONDS_A_YEAR;
    for line in std::fs::read_to_string(file)?.lines() {
        let Some((name, (year, _))) = line
            .strip_prefix("# ")
            .and_then(|line| line.split_once("; until "))
            .and_then(|(name, rest)| Some((name, rest.split_once('-')?)))
        else {
            continue;
        };
        if year.parse::<u64>()? < this_year + YEARS_AHEAD {
            println!("cargo::warning={} ends in {year}: {name}", file.display());
        }
    }
    Ok(())
}
