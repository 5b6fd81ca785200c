//! What a person sees while the demo runs: on a terminal one live line for each database, elsewhere plain lines.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::Instant;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::fleet::Database;
use super::progress::{DatabaseProgress, Phase};

/// Where everything but the JSON goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Out {
    /// A person reads stdout.
    Stdout,
    /// stdout is for the JSON.
    Stderr,
}

impl Out {
    /// Prints a line. It ignores that the reader may be gone.
    pub(super) fn line(self, text: impl std::fmt::Display) {
        let _ = match self {
            Self::Stdout => writeln!(std::io::stdout(), "{text}"),
            Self::Stderr => writeln!(std::io::stderr(), "{text}"),
        };
    }

    fn is_terminal(self) -> bool {
        match self {
            Self::Stdout => std::io::stdout().is_terminal(),
            Self::Stderr => std::io::stderr().is_terminal(),
        }
    }
}

/// The view of one run.
pub(super) struct View {
    out: Out,
    since: Instant,
    known: BTreeMap<String, Phase>,
    live: Option<Live>,
}

struct Live {
    /// Draws while it lives.
    _all: MultiProgress,
    bars: BTreeMap<String, ProgressBar>,
}

impl View {
    /// Begins to show these databases.
    #[must_use]
    pub(super) fn new(out: Out, databases: &[Database]) -> Self {
        let live = out.is_terminal().then(|| Live::new(out, databases));
        let known = databases
            .iter()
            .map(|one| (one.label(), Phase::Planned))
            .collect();
        Self {
            out,
            since: Instant::now(),
            known,
            live,
        }
    }

    /// Shows the current progress.
    pub(super) fn show(&mut self, progress_of_all: &BTreeMap<String, DatabaseProgress>) {
        for (name, progress) in progress_of_all {
            let before = self.known.insert(name.clone(), progress.phase);
            match &self.live {
                Some(live) => live.show(name, progress),
                None if before != Some(progress.phase) => {
                    let seconds = self.since.elapsed().as_secs_f64();
                    self.out.line(format_args!(
                        "{seconds:6.1} s  {name:<31} {}",
                        progress.phase.words()
                    ));
                }
                None => {}
            }
        }
    }

    /// Keeps the last picture on the screen.
    pub(super) fn finish(&self) {
        if let Some(live) = &self.live {
            // A bar that is finished keeps the time it took.
            for bar in live.bars.values().filter(|bar| !bar.is_finished()) {
                bar.abandon();
            }
        }
    }
}

impl Live {
    fn new(out: Out, databases: &[Database]) -> Self {
        let target = match out {
            Out::Stdout => ProgressDrawTarget::stdout(),
            Out::Stderr => ProgressDrawTarget::stderr(),
        };
        let all = MultiProgress::with_draw_target(target);
        let style = ProgressStyle::with_template(
            "{prefix:31} {bar:24.cyan/dim} {percent:>3}%  {elapsed:>4}  {msg}",
        )
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━━╌");
        let bars = databases
            .iter()
            .map(|one| {
                let bar = all.add(ProgressBar::new(200));
                bar.set_style(style.clone());
                bar.set_prefix(one.label());
                bar.set_message(Phase::Planned.words());
                (one.label(), bar)
            })
            .collect();
        Self { _all: all, bars }
    }

    /// The first half of a bar is the snapshot, the second the copy.
    fn show(&self, name: &str, progress: &DatabaseProgress) {
        let Some(bar) = self.bars.get(name).filter(|bar| !bar.is_finished()) else {
            return;
        };
        let percent = u64::from(progress.percent);
        bar.set_position(match progress.phase {
            Phase::Planned => 0,
            Phase::Snapshot => percent,
            Phase::AwaitingCopy | Phase::CopyQueued | Phase::Failed => 100,
            Phase::Copying => 100 + percent,
            Phase::Protected => 200,
        });
        bar.set_message(progress.phase.words());
        if progress.phase == Phase::Protected {
            bar.abandon();
        }
    }
}
