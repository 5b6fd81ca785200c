//! Cargo, run by a program that cargo itself may have started.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Output, Stdio};

use crate::child_process;

/// What a person sets to say where cargo's files are, how crates are fetched and how much of the machine a build
/// may use. None of it changes what is built.
const KEPT: [&str; 4] = [
    "CARGO_HOME",
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_BUILD_JOBS",
];
/// The same, by how the variable's name begins.
const KEPT_GROUPS: [&str; 5] = [
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_TERM_",
];

/// Runs cargo in the repository as a person would in a fresh shell. It ends with this process.
pub(super) fn cargo(root: &Path, arguments: &[&str]) -> std::io::Result<Output> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = child_process::command(program)?;
    command
        .args(arguments)
        .current_dir(root)
        .env_clear()
        .envs(environment(std::env::vars_os()))
        .stderr(Stdio::inherit());
    child_process::output(command)
}

/// The environment of a cargo that is run by a program with the environment `outer`.
///
/// A wrapper or a coverage run leaves variables there that would build another binary than the one that ships.
/// Cargo itself leaves the package of the program that it runs (`CARGO_MANIFEST_DIR` and others): build scripts
/// such as ring's watch these, so crates would be compiled again whenever a person's build and this one alternate.
fn environment(
    outer: impl IntoIterator<Item = (OsString, OsString)>,
) -> impl Iterator<Item = (OsString, OsString)> {
    outer
        .into_iter()
        .filter(|(name, _)| is_kept(&name.to_string_lossy()))
}

fn is_kept(name: &str) -> bool {
    let changes_the_build = name.contains("RUSTFLAGS")
        || name.contains("RUSTDOCFLAGS")
        || name.contains("WRAPPER")
        || name.contains("LLVM_COV")
        || name.starts_with("LLVM_PROFILE")
        || name == "OUT_DIR";
    let is_cargos = name == "CARGO" || name.starts_with("CARGO_");
    let may_stay = KEPT.contains(&name) || KEPT_GROUPS.iter().any(|group| name.starts_with(group));
    !changes_the_build && (!is_cargos || may_stay)
}

#[cfg(test)]
mod tests {
    use super::environment;

    fn kept(names: &[&'static str]) -> Vec<String> {
        let outer = names
            .iter()
            .map(|name| ((*name).into(), format!("value of {name}").into()));
        environment(outer)
            .map(|(name, value)| {
                let name = name.into_string().expect("these are UTF-8");
                assert_eq!(value, *format!("value of {name}"));
                name
            })
            .collect()
    }

    #[test]
    fn an_inner_cargo_learns_nothing_of_the_package_that_the_outer_one_runs() {
        let of_the_outer = [
            "CARGO",
            "CARGO_MANIFEST_DIR",
            "CARGO_MANIFEST_PATH",
            "CARGO_MANIFEST_LINKS",
            "CARGO_PKG_NAME",
            "CARGO_PKG_VERSION_MAJOR",
            "CARGO_BIN_EXE_demo",
            "CARGO_CRATE_NAME",
            "CARGO_PRIMARY_PACKAGE",
            "CARGO_MAKEFLAGS",
            "OUT_DIR",
        ];
        assert_eq!(kept(&of_the_outer), [""; 0]);
    }

    #[test]
    fn nothing_makes_an_inner_cargo_build_another_binary() {
        let of_wrappers = [
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_BUILD_RUSTFLAGS",
            "RUSTDOCFLAGS",
            "RUSTC_WRAPPER",
            "RUSTC_WORKSPACE_WRAPPER",
            "CARGO_BUILD_RUSTC_WRAPPER",
            "CARGO_LLVM_COV",
            "LLVM_PROFILE_FILE",
            "CARGO_PROFILE_DEV_OPT_LEVEL",
            "CARGO_BUILD_TARGET",
            "CARGO_INCREMENTAL",
        ];
        assert_eq!(kept(&of_wrappers), [""; 0]);
    }

    #[test]
    fn an_inner_cargo_finds_its_homes_its_network_and_the_persons_target_folder() {
        let of_the_person = [
            "PATH",
            "HOME",
            "LANG",
            "RUSTUP_HOME",
            "RUSTUP_TOOLCHAIN",
            "CARGO_HOME",
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_TARGET_DIR",
            "CARGO_BUILD_JOBS",
            "CARGO_HTTP_PROXY",
            "CARGO_NET_OFFLINE",
            "CARGO_REGISTRIES_MIRROR_INDEX",
            "CARGO_REGISTRY_DEFAULT",
            "CARGO_TERM_COLOR",
            "https_proxy",
        ];
        assert_eq!(kept(&of_the_person), of_the_person);
    }
}
