//! What the benchmark can be told.

use std::path::PathBuf;

use clap::Args as Arguments;

/// Measures the shipped `bootstrap` as the reactor, beside an empty Rust Lambda and a boto3 Lambda that makes the
/// same calls, under a Runtime API and AWS endpoints of the benchmark's own. Exits with 1 if a promise is missed.
#[derive(Debug, Clone, Arguments)]
pub struct Args {
    /// How many cold starts of each program.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub rounds: u16,

    /// How many warm batches of 100 events each program gets; of smaller batches it gets more.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub batches: u16,

    /// Writes the chart, an SVG, to this file.
    #[arg(long, value_name = "FILE")]
    pub chart: Option<PathBuf>,

    /// Print one JSON object as the last line of stdout; everything else goes to stderr.
    #[arg(long)]
    pub json: bool,

    /// Measures this executable as the shipped function, instead of building it.
    #[arg(long, value_name = "PATH", hide = true)]
    pub bootstrap: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::Args;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn parse(words: &[&str]) -> Result<Args, clap::Error> {
        let words = [&["lambda-bench"], words].concat();
        Cli::try_parse_from(words).map(|cli| cli.args)
    }

    #[test]
    fn nothing_need_be_said() {
        let args = parse(&[]).unwrap();
        assert_eq!((args.rounds, args.batches, args.json), (20, 50, false));
        assert_eq!(args.chart, None);
    }

    #[test]
    fn all_of_it_can_be_said() {
        let args = parse(&[
            "--rounds",
            "3",
            "--batches",
            "2",
            "--json",
            "--chart",
            "a.svg",
        ])
        .unwrap();
        assert_eq!((args.rounds, args.batches, args.json), (3, 2, true));
        assert_eq!(args.chart.as_deref(), Some("a.svg".as_ref()));
    }

    #[test]
    fn a_run_without_a_measurement_is_refused() {
        for nothing in [["--rounds", "0"], ["--batches", "0"]] {
            parse(&nothing).unwrap_err();
        }
    }
}
