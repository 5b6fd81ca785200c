//! The three programs: the empty function, the product, and the same over boto3.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::program::Program;
use super::services::Services;
use super::tls::Identity;
use snapferry_sim::local;
use snapferry_sim::python::venv;

/// AWS's SDK for Python and AWS's Lambda runtime for Python.
const REQUIREMENTS: &str = "boto3==1.44.5\nawslambdaric==4.2.2\n";
const HANDLER: &str = include_str!("hints.py");

/// The function that does nothing.
pub(super) const EMPTY: &str = "empty Rust";
/// The product.
pub(super) const SNAPFERRY: &str = "snapferry";
/// The same calls over boto3.
pub(super) const BOTO3: &str = "boto3";

/// The programs' files.
#[derive(Debug)]
pub(super) struct Built {
    empty: PathBuf,
    bootstrap: PathBuf,
    python: PathBuf,
    /// How large the product is as it is uploaded, in bytes.
    pub(super) zip: usize,
}

impl Built {
    /// Builds the programs, or finds them built, and tells `progress` what it is at.
    ///
    /// # Errors
    /// With a sentence that says what to do, for whatever is missing on this machine.
    pub(super) fn new(bootstrap: Option<&Path>, progress: &dyn Fn(&str)) -> anyhow::Result<Self> {
        let root = local::repository_root()?;
        progress("building the function as it ships (minutes, the first time)");
        let bootstrap = match bootstrap {
            Some(path) => path
                .canonicalize()
                .with_context(|| format!("{}", path.display()))?,
            None => local::build_bootstrap(&root)?,
        };
        progress("building the empty function");
        let empty = local::build(
            &root,
            "snapferry-empty",
            "snapferry-empty",
            &["--profile", "lambda"],
        )?;
        progress("making the Python environment");
        let python = venv(&root, "bench", REQUIREMENTS)?;
        let zip = zipped(&std::fs::read(&bootstrap)?)?;
        Ok(Self {
            empty,
            bootstrap,
            python,
            zip,
        })
    }

    /// The programs, ready to be started in `folder`, where their files are put.
    ///
    /// # Errors
    /// When a file cannot be written, or the handler does not compile.
    pub(super) fn programs(
        &self,
        folder: &Path,
        services: &Services,
        identity: &Identity,
    ) -> anyhow::Result<[Program; 3]> {
        let roots = folder.join("roots.pem");
        std::fs::write(&roots, &identity.roots)?;
        // botocore reads the bundle that comes with it, for every client; so it gets as much to read here.
        let everything = folder.join("everything.pem");
        let of_botocore = botocore_roots(&self.python)?;
        std::fs::write(&everything, identity.roots.clone() + &of_botocore)?;
        std::fs::write(folder.join("hints.py"), HANDLER)?;
        run(Command::new(&self.python)
            .args(["-m", "compileall", "-q", "hints.py"])
            .current_dir(folder))?;
        // The product embeds Amazon's authorities, of which there are as many; the switch to native ones lets this
        // run's be read in their place.
        let trust = ("SNAPFERRY_TRUST", "native".to_owned());
        let native = [trust, ("SSL_CERT_FILE", roots.display().to_string())];
        let bundle = [("AWS_CA_BUNDLE", everything.display().to_string())];
        let variables = |trust: &[(&str, String)]| {
            let trust = trust.iter().cloned();
            let trust = trust.map(|(name, value)| (name.to_owned(), value));
            services.variables().chain(trust).collect()
        };
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Ok([
            Program {
                name: EMPTY,
                executable: self.empty.clone(),
                arguments: Vec::new(),
                handler: "reactor",
                variables: Vec::new(),
                works: false,
            },
            Program {
                name: SNAPFERRY,
                executable: self.bootstrap.clone(),
                arguments: Vec::new(),
                handler: "reactor",
                variables: variables(&native),
                works: true,
            },
            Program {
                name: BOTO3,
                executable: self.python.clone(),
                arguments: words(&["-m", "awslambdaric", "hints.react"]),
                handler: "hints.react",
                variables: variables(&bundle),
                works: true,
            },
        ])
    }
}

fn botocore_roots(python: &Path) -> anyhow::Result<String> {
    let script = "import botocore, os; print(os.path.join(os.path.dirname(botocore.__file__), 'cacert.pem'))";
    let path = run(Command::new(python).args(["-c", script]))?;
    std::fs::read_to_string(path.trim()).with_context(|| path.trim().to_owned())
}

fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().context("Python could not be run")?;
    if !output.status.success() {
        bail!("Python failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// How large the bootstrap is in the zip that Lambda gets, in bytes.
fn zipped(bootstrap: &[u8]) -> anyhow::Result<usize> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9));
    zip.start_file("bootstrap", options)?;
    zip.write_all(bootstrap)?;
    Ok(zip.finish()?.into_inner().len())
}

#[cfg(test)]
mod tests {
    use super::zipped;

    #[test]
    fn what_is_uploaded_is_compressed() {
        let size = zipped(&[7; 100_000]).unwrap();
        assert!((100..2_000).contains(&size), "{size}");
    }
}
