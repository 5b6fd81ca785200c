//! The burst and the sweep once, small, as a person runs them.

use std::process::{Command, Stdio};

use serde_json::Value;

#[test]
fn a_burst_drains_and_a_sweep_settles_each_wait_once() {
    let output = Command::new(env!("CARGO_BIN_EXE_snapferry-evidence"))
        .args([
            "burst", "--hints", "300", "--waits", "300", "--live", "5", "--json",
        ])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8(output.stdout).unwrap();
    let figures: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(figures["broken"].as_array().unwrap().len(), 0, "{said}");
    assert_eq!(figures["sweep"]["settled"], 300);
    // 350 are open, 50 of them on snapshots that RDS has not finished.
    assert_eq!(figures["sweep"]["describes"], 18);
    assert_eq!(figures["burst"]["settled"], 125);
    assert_eq!(figures["burst"]["went_on"], 5);
}
