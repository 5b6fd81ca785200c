//! What a person sees while the demo runs: on a terminal one live line for each database, elsewhere plain lines.
//!
//! What is said while the live lines stand on the screen is printed above them.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::fleet::Database;
use super::progress::{DatabaseProgress, Phase};

/// Where everything but the JSON goes. All clones are one screen.
#[derive(Debug, Clone)]
pub(super) struct Out {
    screen: Screen,
    /// The live lines, while they stand on the screen.
    live: Arc<Mutex<Option<MultiProgress>>>,
}

#[derive(Debug, Clone)]
enum Screen {
    /// A person reads stdout.
    Stdout,
    /// stdout is for the JSON.
    Stderr,
    #[cfg(test)]
    Memory(indicatif::InMemoryTerm),
}

impl Out {
    /// What a person reads goes to stdout.
    #[must_use]
    pub(super) fn stdout() -> Self {
        Self::on(Screen::Stdout)
    }

    /// stdout is for the JSON, and what a person reads goes to stderr.
    #[must_use]
    pub(super) fn stderr() -> Self {
        Self::on(Screen::Stderr)
    }

    fn on(screen: Screen) -> Self {
        Self {
            screen,
            live: Arc::default(),
        }
    }

    /// Prints a line, above the live lines if there are any. It ignores that the reader may be gone.
    pub(super) fn line(&self, text: impl Display) {
        let print = || self.screen.print(&text.to_string());
        // Held while it prints: the live lines neither come nor go meanwhile.
        match &*self.live() {
            Some(all) => all.suspend(print),
            None => print(),
        }
    }

    /// The live lines begin. `None` if nobody sits at a terminal.
    fn go_live(&self) -> Option<MultiProgress> {
        let all = MultiProgress::with_draw_target(self.screen.target());
        let all = (!all.is_hidden()).then_some(all);
        self.live().clone_from(&all);
        all
    }

    /// The live lines stay as they are. What is printed from now on comes below them.
    fn end_live(&self) {
        self.live().take();
    }

    fn live(&self) -> MutexGuard<'_, Option<MultiProgress>> {
        // It is replaced as a whole, so it is still whole after a thread has panicked.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Screen {
    fn print(&self, text: &str) {
        let _ = match self {
            Self::Stdout => writeln!(std::io::stdout(), "{text}"),
            Self::Stderr => writeln!(std::io::stderr(), "{text}"),
            #[cfg(test)]
            Self::Memory(terminal) => indicatif::TermLike::write_line(terminal, text),
        };
    }

    fn target(&self) -> ProgressDrawTarget {
        match self {
            Self::Stdout => ProgressDrawTarget::stdout(),
            Self::Stderr => ProgressDrawTarget::stderr(),
            #[cfg(test)]
            Self::Memory(terminal) => ProgressDrawTarget::term_like(Box::new(terminal.clone())),
        }
    }
}

/// The view of one run. When it goes, its last picture stays on the screen.
pub(super) struct View {
    out: Out,
    since: Instant,
    known: BTreeMap<String, Phase>,
    /// The live lines by their database's label, on a terminal.
    bars: Option<BTreeMap<String, ProgressBar>>,
}

impl View {
    /// Begins to show these databases.
    #[must_use]
    pub(super) fn new(out: &Out, databases: &[Database]) -> Self {
        let labels: Vec<String> = databases.iter().map(Database::label).collect();
        Self::of(out, &labels)
    }

    fn of(out: &Out, labels: &[String]) -> Self {
        let known = labels.iter().map(|label| (label.clone(), Phase::Planned));
        Self {
            out: out.clone(),
            since: Instant::now(),
            known: known.collect(),
            bars: out.go_live().map(|all| bars(&all, labels)),
        }
    }

    /// Shows the current progress.
    pub(super) fn show(&mut self, progress_of_all: &BTreeMap<String, DatabaseProgress>) {
        for (name, progress) in progress_of_all {
            let before = self.known.insert(name.clone(), progress.phase);
            match &self.bars {
                Some(bars) => {
                    if let Some(bar) = bars.get(name).filter(|bar| !bar.is_finished()) {
                        draw(bar, progress);
                    }
                }
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
}

impl Drop for View {
    fn drop(&mut self) {
        // A bar that is finished keeps the time it took. One that is not would go from the screen with the view.
        for bar in self.bars.iter().flat_map(BTreeMap::values) {
            if !bar.is_finished() {
                bar.abandon();
            }
        }
        self.out.end_live();
    }
}

fn bars(all: &MultiProgress, labels: &[String]) -> BTreeMap<String, ProgressBar> {
    let style = ProgressStyle::with_template(
        "{prefix:31} {bar:24.cyan/dim} {percent:>3}%  {elapsed:>4}  {msg}",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar())
    .progress_chars("━━╌");
    labels
        .iter()
        .map(|label| {
            let bar = all.add(ProgressBar::new(200));
            bar.set_style(style.clone());
            bar.set_prefix(label.clone());
            bar.set_message(Phase::Planned.words());
            (label.clone(), bar)
        })
        .collect()
}

/// The first half of a bar is the snapshot, the second the copy.
fn draw(bar: &ProgressBar, progress: &DatabaseProgress) {
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

#[cfg(test)]
mod tests {
    use indicatif::InMemoryTerm;

    use super::*;

    const ORDERS: &str = "us-east-1 db orders";
    const EVENTS: &str = "us-west-2 cluster events";

    /// A terminal of 80 columns, and a view of two databases on it.
    fn on_terminal() -> (InMemoryTerm, Out, View) {
        let terminal = InMemoryTerm::new(24, 80);
        let out = Out::on(Screen::Memory(terminal.clone()));
        let labels = [ORDERS, EVENTS].map(ToOwned::to_owned);
        let view = View::of(&out, &labels);
        (terminal, out, view)
    }

    fn are_in(phase: Phase, percent: u8) -> BTreeMap<String, DatabaseProgress> {
        let progress = DatabaseProgress { phase, percent };
        BTreeMap::from([ORDERS, EVENTS].map(|one| (one.to_owned(), progress)))
    }

    /// What stands on the screen, each line up to its bar.
    fn lines(terminal: &InMemoryTerm) -> Vec<String> {
        let contents = terminal.contents();
        let lines = contents.lines();
        let until_bar = lines.map(|line| line.split(['━', '╌']).next().unwrap_or(line));
        until_bar.map(|line| line.trim().to_owned()).collect()
    }

    #[test]
    fn what_is_said_while_the_live_lines_stand_is_printed_above_them() {
        let (terminal, out, mut view) = on_terminal();
        view.show(&are_in(Phase::Snapshot, 20));
        out.line("  the person has repaired the key");
        view.show(&are_in(Phase::Snapshot, 40));
        // The person's task has a clone.
        out.clone().line("  the person replays 2 dead commands");
        view.show(&are_in(Phase::Copying, 10));
        assert_eq!(
            lines(&terminal),
            [
                "the person has repaired the key",
                "the person replays 2 dead commands",
                ORDERS,
                EVENTS,
            ]
        );
    }

    #[test]
    fn the_last_picture_stays_and_what_follows_is_printed_below_it() {
        let (terminal, out, mut view) = on_terminal();
        out.line("the person has repaired the key");
        view.show(&are_in(Phase::Protected, 100));
        drop(view);
        out.line("Every promise was kept.");
        out.line("The local world stays up.");
        assert_eq!(
            lines(&terminal),
            [
                "the person has repaired the key",
                ORDERS,
                EVENTS,
                "Every promise was kept.",
                "The local world stays up.",
            ]
        );
    }

    #[test]
    fn a_view_that_ends_early_leaves_its_last_picture() {
        let (terminal, out, mut view) = on_terminal();
        view.show(&are_in(Phase::Copying, 50));
        drop(view);
        out.line("the executions had not all ended");
        assert_eq!(
            lines(&terminal),
            [ORDERS, EVENTS, "the executions had not all ended"]
        );
        assert!(
            terminal.contents().contains("75%"),
            "{}",
            terminal.contents()
        );
    }
}
