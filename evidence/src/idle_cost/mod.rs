//! What a month of the stack costs while nothing happens: computed from the templates that are deployed.
//!
//! Every resource of a template is looked at. One that this module has no price for is an error, so that nothing
//! expensive can slip in unseen. List prices without any free tier ([`crate::compare::prices`]); where the template
//! does not say how much is used, [`Assumptions`] does, on the high side.

mod bill;
mod template;

use std::path::Path;

use clap::builder::RangedU64ValueParser;
use comfy_table::{CellAlignment, Table};
use serde_json::{Value, json};

use crate::compare::prices::{self, Source};
use snapferry_sim::local;

pub use bill::{Assumptions, Bill, IdleCostError, Line, bill};
pub use template::Template;

/// What an idle stack may cost a month, in US dollars.
pub const DOLLARS_MAX: f64 = 6.0;

/// What to compute.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Args {
    /// Print one line of JSON.
    #[arg(long)]
    pub json: bool,
    /// How many source regions there are.
    #[arg(long, default_value_t = 1, value_parser = RangedU64ValueParser::<u32>::new().range(1..=40))]
    pub source_regions: u32,
    /// The stack makes the copies' key. Without this, one is brought, which costs its dollar wherever it stands.
    #[arg(long)]
    pub own_key: bool,
}

/// The parameter that names a key that is brought.
pub const KEY_PARAMETER: &str = "RecoveryKeyArn";
const BROUGHT_KEY: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-3333-4444-555555555555";

/// The bill of the templates in this repository.
///
/// # Errors
/// When they are not found or cannot be read, or hold something without a price.
pub fn of_repository(args: &Args) -> anyhow::Result<Bill> {
    let root = local::repository_root()?;
    let assumptions = Assumptions {
        source_regions: args.source_regions,
        ..Assumptions::default()
    };
    let recovery = shipped(&root, "template.yaml")?;
    let recovery = match args.own_key {
        true => recovery,
        false => recovery.with_default(KEY_PARAMETER, BROUGHT_KEY),
    };
    Ok(bill(
        &recovery,
        &shipped(&root, "source-region.yaml")?,
        &assumptions,
    )?)
}

fn shipped(root: &Path, name: &str) -> anyhow::Result<Template> {
    let text = std::fs::read_to_string(root.join(name))?;
    Ok(Template::read(&text)?)
}

/// The bill, for people.
#[must_use]
pub fn table(bill: &Bill) -> String {
    let mut table = Table::new();
    table.set_header(["what", "a month", "paid for", "$ a month"]);
    for line in &bill.lines {
        table.add_row([
            line.what.clone(),
            amount(line.amount),
            line.price.what.to_owned(),
            format!("{:.3}", line.dollars()),
        ]);
    }
    table.add_row(["in all", "", "", &format!("{:.3}", bill.dollars())]);
    for right in [1, 3] {
        if let Some(column) = table.column_mut(right) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!(
        "{table}\nus-east-1 list prices as known at {}, without free tiers; at most ${DOLLARS_MAX} is promised",
        prices::AS_KNOWN_AT
    )
}

fn amount(amount: f64) -> String {
    if amount >= 100.0 {
        format!("{amount:.0}")
    } else {
        format!("{amount:.3}")
    }
}

/// The bill, for programs.
#[must_use]
pub fn json(bill: &Bill) -> Value {
    let lines = bill.lines.iter().map(|line| {
        let (page, quoted_by) = match line.price.source {
            Source::Page(page) => (page, None),
            Source::Quoted { page, by } => (page, Some(by)),
        };
        json!({
            "what": line.what,
            "amount": line.amount,
            "paid_for": line.price.what,
            "dollars_per_million": line.price.per_million,
            "dollars": line.dollars(),
            "page": page,
            "quoted_by": quoted_by,
        })
    });
    json!({
        "dollars": bill.dollars(),
        "dollars_max": DOLLARS_MAX,
        "prices_as_known_at": prices::AS_KNOWN_AT,
        "lines": lines.collect::<Vec<_>>(),
    })
}
