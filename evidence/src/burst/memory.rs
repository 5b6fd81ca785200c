//! How much memory the functions' processes held at their worst, as the kernel counts it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A function's process lives for tens of milliseconds at the least.
const LOOK_EVERY: Duration = Duration::from_millis(15);

/// Looks at every function's process of a group until it is dropped.
///
/// The kernel keeps a process's highest resident size (`VmHWM`), so that only what it takes between the last look
/// and its end is missed.
#[derive(Debug)]
pub(super) struct Watch {
    peaks: Arc<Mutex<BTreeMap<String, u64>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Begins to look at the processes of this group whose executable is called `bootstrap`.
    pub(super) fn begin(group: i32) -> Self {
        let peaks = Arc::<Mutex<BTreeMap<String, u64>>>::default();
        let stop = Arc::new(AtomicBool::new(false));
        let (of_thread, until) = (Arc::clone(&peaks), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let mut foreign = BTreeSet::new();
            while !until.load(Ordering::Relaxed) {
                look(group, &mut foreign, &of_thread);
                std::thread::sleep(LOOK_EVERY);
            }
        });
        Self {
            peaks,
            stop,
            thread: Some(thread),
        }
    }

    /// The highest so far of the function with this handler, in bytes; [`None`] when none of it was seen.
    pub(super) fn peak(&self, handler: &str) -> Option<u64> {
        let peaks = self.peaks.lock().unwrap_or_else(PoisonError::into_inner);
        peaks.get(handler).copied()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic in it loses figures and nothing else; their absence is reported.
            let _ = thread.join();
        }
    }
}

/// `foreign` has the processes of other groups. A process of this group is looked at each time, because an `exec` can
/// turn it into a function's process.
fn look(group: i32, foreign: &mut BTreeSet<u32>, peaks: &Mutex<BTreeMap<String, u64>>) {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return;
    };
    for process in processes.flatten() {
        let id = process
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let Some(id) = id.filter(|id| !foreign.contains(id)) else {
            continue;
        };
        let path = process.path();
        if group_of(&path) != Some(group) {
            foreign.insert(id);
            continue;
        }
        if let Some((handler, peak)) = function(&path) {
            let mut peaks = peaks.lock().unwrap_or_else(PoisonError::into_inner);
            let known = peaks.entry(handler).or_default();
            *known = peak.max(*known);
        }
    }
}

fn group_of(process: &Path) -> Option<i32> {
    let stat = std::fs::read_to_string(process.join("stat")).ok()?;
    // After the command's name, which is in parentheses: the state, the parent, the group.
    stat.rsplit(')')
        .next()?
        .split_whitespace()
        .nth(2)?
        .parse()
        .ok()
}

/// The handler of a function's process, and its highest resident size in bytes.
fn function(process: &Path) -> Option<(String, u64)> {
    let executable = std::fs::read_link(process.join("exe")).ok()?;
    if executable.file_name()? != "bootstrap" {
        return None;
    }
    let environment = std::fs::read(process.join("environ")).ok()?;
    let mut variables = environment.split(|byte| *byte == 0);
    let handler = variables.find_map(|variable| variable.strip_prefix(b"_HANDLER="))?;
    let status = std::fs::read_to_string(process.join("status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some((
        String::from_utf8_lossy(handler).into_owned(),
        kilobytes * 1_024,
    ))
}
