//! Virtual environments are made once, and completely.

use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use snapferry_sim::python::venv;

/// A root of this test's own.
fn root(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    if root.exists() {
        fs::remove_dir_all(&root).unwrap();
    }
    fs::create_dir_all(&root).unwrap();
    root
}

fn made_at(root: &std::path::Path) -> SystemTime {
    let stamp = root.join("target/snapferry-empty/snapferry-requirements.txt");
    fs::metadata(stamp).unwrap().modified().unwrap()
}

#[test]
fn a_venv_is_made_once_even_by_two_at_once_and_anew_for_other_requirements() {
    let root = root("venv-once");
    let both = std::thread::scope(|scope| {
        let one = || venv(&root, "empty", "# nothing\n").unwrap();
        let (first, second) = (scope.spawn(one), scope.spawn(one));
        [first.join().unwrap(), second.join().unwrap()]
    });
    assert_eq!(both[0], both[1]);
    assert!(both[0].exists() && both[0].starts_with(root.join("target/snapferry-empty")));

    let first = made_at(&root);
    venv(&root, "empty", "# nothing\n").unwrap();
    assert_eq!(made_at(&root), first, "used again");
    // What is left of one that was interrupted has no stamp.
    fs::remove_file(root.join("target/snapferry-empty/snapferry-requirements.txt")).unwrap();
    venv(&root, "empty", "# something else\n").unwrap();
    assert!(made_at(&root) > first, "made anew");
}

#[test]
fn a_venv_is_made_anew_where_its_folder_was_moved() {
    let [old, new] = ["venv-before", "venv-after"].map(root);
    venv(&old, "empty", "# nothing\n").unwrap();
    fs::rename(old.join("target"), new.join("target")).unwrap();

    let python = venv(&new, "empty", "# nothing\n").unwrap();

    let pip = fs::read_to_string(python.with_file_name("pip")).unwrap();
    assert!(pip.contains(new.to_str().unwrap()), "{pip}");
    assert!(!pip.contains(old.to_str().unwrap()), "{pip}");
}

#[test]
fn what_pip_says_is_passed_on() {
    let failure = venv(&root("venv-fails"), "empty", "no such requirement at all\n").unwrap_err();
    let said = format!("{failure:#}");
    assert!(
        said.contains("pip could not install") && said.contains("requirement"),
        "{said}"
    );
}
