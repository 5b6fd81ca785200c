//! `snapferry policy`: checks, applies and shows the set of policies.

mod apply;
pub(in crate::cli) mod arguments;
mod keeps;
mod show;

use std::io::Write;

use crate::app::steady_state::QuotaScope;
use crate::aws::{Aws, for_operators, patient};
use crate::cli::arguments::{StackArguments, variables};
use crate::cli::outcome::{CliError, Ended};
use crate::settings::{Planning, Stack};

use arguments::PolicyAction;

pub use apply::{File, run_apply};
pub use keeps::{PointList, run_keeps};
pub use show::{Form, run_history, run_show};

pub(in crate::cli) async fn execute(
    arguments: &StackArguments,
    action: &PolicyAction,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    match action {
        PolicyAction::Apply(options) if options.check => {
            return apply::check(arguments, options, environment, out);
        }
        PolicyAction::Keeps(options) => return keeps::execute(arguments, options, out),
        PolicyAction::Apply(_) | PolicyAction::Show(_) | PolicyAction::History(_) => {}
    }
    let stack = Stack::from_variables(variables(environment.clone(), arguments.flags()))?;
    // Applying a file lists snapshots, to know what room a quota leaves.
    let sdk = patient(for_operators(&stack.home, arguments.profile.as_deref()).await);
    let aws = Aws::new(sdk, stack.table.clone(), ());
    match action {
        PolicyAction::Apply(options) => {
            let file = File::read(&options.file)?;
            let (note, json) = (options.note.clone(), arguments.format.is_json());
            let planning = Planning::from_variables(variables(environment, arguments.flags())).ok();
            let scope = planning.as_ref().map(|planning| QuotaScope {
                stack: &planning.stack.rules.stack,
                home: &planning.stack.home,
                source_regions: &planning.source_regions,
                key: &planning.key,
                built_in: &planning.policies,
            });
            run_apply(&aws, &stack.home, &file, note, scope, json, out).await
        }
        PolicyAction::Show(options) => {
            let built_in = Planning::from_variables(variables(environment, arguments.flags())).ok();
            let form = match (arguments.format.is_json(), options.file) {
                (true, _) => Form::Json,
                (false, true) => Form::File,
                (false, false) => Form::Commented,
            };
            run_show(&aws, built_in.as_ref(), options.version, form, out).await
        }
        // Answered above: it asks no stack.
        PolicyAction::Keeps(options) => keeps::execute(arguments, options, out),
        PolicyAction::History(options) => {
            run_history(&aws, options.limit, arguments.format.is_json(), out).await
        }
    }
}
