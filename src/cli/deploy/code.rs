//! The functions' zips: those of a release, or made of the programs.

use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use crate::cli::outcome::CliError;
use crate::domain::deploy::part::Part;
use crate::domain::deploy::request::Architecture;

/// What Lambda starts.
const PROGRAM: &str = "bootstrap";
/// How a zip begins.
const ZIP: &[u8] = b"PK";
/// How much of the program tells what it was built for.
const HEADER: u64 = 20;
/// Where a build leaves programs.
const BUILT: &str = "target/lambda/";

/// A program of functions, and how it is named and built.
pub(super) struct Program {
    /// The flag that names it.
    flag: &'static str,
    /// The word in the name of the release's zip.
    zip: &'static str,
    /// The binary, and the feature that it is built with.
    binary: &'static str,
    feature: &'static str,
}

/// The functions of `template.yaml`.
pub(super) const FUNCTION: Program = Program {
    flag: "--function",
    zip: "lambda",
    binary: "bootstrap",
    feature: "lambda",
};

impl Program {
    /// The function of a part.
    pub(super) fn of(part: Part) -> Self {
        let program = part.program();
        Self {
            flag: part.flag(),
            zip: program,
            binary: program,
            feature: program,
        }
    }
}

/// A function's zip, and what its program was built for.
pub(super) struct Zip {
    pub(super) bytes: Vec<u8>,
    pub(super) architecture: Architecture,
}

/// Where the program is: the named file, the zip beside this program, or what a build has left.
pub(super) fn find(
    program: &Program,
    named: Option<&Path>,
    running: Option<&Path>,
) -> Result<PathBuf, CliError> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    let folder = running.and_then(Path::parent);
    let beside = [Architecture::Arm64, Architecture::X86].map(|architecture| {
        let name = format!("snapferry-{}-{}.zip", program.zip, architecture.as_str());
        folder.map(|folder| folder.join(name))
    });
    let Program {
        flag,
        binary,
        feature,
        ..
    } = program;
    let built = Some(PathBuf::from(format!("{BUILT}{binary}")));
    let mut candidates = beside.into_iter().chain([built]).flatten();
    candidates
        .find(|path| path.is_file())
        .ok_or_else(|| fault(program, format!(
            "name the function with {flag}: the zip of a release, or build it with\n  cargo build --profile lambda -p \
             snapferry --bin {binary} --no-default-features --features {feature}"
        )))
}

/// Reads the function: a program, which is zipped, or a zip. What it was built for stands in the program itself, unless
/// somebody says it.
pub(super) fn read(
    program: &Program,
    path: &Path,
    architecture: Option<Architecture>,
) -> Result<Zip, CliError> {
    let bytes = std::fs::read(path).map_err(|source| CliError::File {
        path: path.to_owned(),
        source,
    })?;
    let shown = path.display();
    let broken = |error| fault(program, format!("{shown}: {error}"));
    let (zip, found) = if bytes.starts_with(ZIP) {
        let found = of_zip(&bytes).map_err(broken)?;
        (bytes, found)
    } else {
        let found = Architecture::of_program(&bytes);
        (zipped(&bytes).map_err(broken)?, found)
    };
    match architecture.or(found) {
        Some(architecture) => Ok(Zip {
            bytes: zip,
            architecture,
        }),
        None => Err(fault(
            program,
            format!(
                "{shown} is no program for Linux on arm64 or x86_64; if it is a script, say with --architecture where it runs"
            ),
        )),
    }
}

fn fault(program: &Program, what: String) -> CliError {
    CliError::Argument {
        name: program.flag,
        what,
    }
}

/// A zip with the program alone. The same program gives the same bytes: the entry has no time and no owner.
fn zipped(program: &[u8]) -> zip::result::ZipResult<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(DateTime::default())
        .unix_permissions(0o755);
    zip.start_file(PROGRAM, options)?;
    zip.write_all(program)?;
    Ok(zip.finish()?.into_inner())
}

/// What the program in a zip was built for.
fn of_zip(bytes: &[u8]) -> zip::result::ZipResult<Option<Architecture>> {
    let mut zip = ZipArchive::new(Cursor::new(bytes))?;
    let program = zip.by_name(PROGRAM)?;
    let mut header = Vec::new();
    program.take(HEADER).read_to_end(&mut header)?;
    Ok(Architecture::of_program(&header))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program() -> Vec<u8> {
        let mut program = b"\x7fELF\x02\x01".to_vec();
        program.resize(18, 0);
        program.extend([62, 0]);
        program.extend([7; 1_000]);
        program
    }

    #[test]
    fn a_program_is_zipped_to_the_same_bytes_each_time_and_read_back() {
        let one = zipped(&program()).unwrap();
        assert_eq!(one, zipped(&program()).unwrap());
        assert_eq!(of_zip(&one).unwrap(), Some(Architecture::X86));
        let mut zip = ZipArchive::new(Cursor::new(&one)).unwrap();
        let mut entry = zip.by_name(PROGRAM).unwrap();
        assert_eq!(entry.unix_mode().map(|mode| mode & 0o777), Some(0o755));
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        assert_eq!(content, program());
    }

    #[test]
    fn what_is_no_zip_is_an_error() {
        assert!(of_zip(b"#!/bin/sh").is_err());
    }
}
