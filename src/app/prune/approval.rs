//! Whether a version of the policies may remove. One that removes what the version before it would keep waits for a person.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use tracing::warn;

use crate::app::prune_preview::{PreviewOf, PrunePreview};
use crate::domain::id::arn::RdsArn;
use crate::domain::policy::in_force::Policies;
use crate::domain::policy::set::Version;
use crate::domain::retention::round::Round;
use crate::error::chain;
use crate::ports::{Clock, PortError, ReadPolicyHistory, ReadRound};

/// A version of the policies that nobody has approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unapproved {
    /// The rules that are in force.
    pub rules: String,
    /// How many recovery points may go by them.
    pub removes: usize,
    /// The rules that were approved last.
    pub before: String,
    /// How many of these those would keep. `None` if they cannot be read.
    pub kept_before: Option<usize>,
}

impl fmt::Display for Unapproved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rules,
            removes,
            before,
            ..
        } = self;
        write!(
            f,
            "version {rules} of the policies lets {removes} recovery points go, and version {before}, the last one \
             that was approved, "
        )?;
        match self.kept_before {
            Some(kept) => write!(f, "would keep {kept} of them")?,
            None => f.write_str("cannot be read")?,
        }
        f.write_str(
            "; look at the plan (snapferry prune), and approve it by snapferry prune --yes --force",
        )
    }
}

/// Compares what the policies in force let go with what the version that was approved last would, on the same inventory
/// at the same time, recovery point by recovery point: what one policy keeps longer makes up for nothing that another one
/// lets go. The first rules that a round meets have nothing before them.
pub(super) async fn unapproved<W: ReadPolicyHistory>(
    world: &W,
    of: PreviewOf<'_>,
    preview: &PrunePreview,
    last: &Round,
    now: Timestamp,
) -> Option<Unapproved> {
    let approved = last.approved.as_ref()?;
    if *approved == preview.rules
        || preview
            .version
            .is_none_or(|version| version == Version::FIRST)
    {
        return None;
    }
    let before = policies_of(world, of, approved).await;
    let removable = preview.removable();
    let kept_before = before.map(|policies| {
        let before: BTreeSet<&RdsArn> = preview.removable_by(&policies, of.stack, now);
        let kept = removable.iter().filter(|one| !before.contains(one));
        kept.count()
    });
    if kept_before == Some(0) {
        return None;
    }
    Some(Unapproved {
        rules: preview.rules.clone(),
        removes: removable.len(),
        before: approved.clone(),
        kept_before,
    })
}

/// Says beforehand whether the pruner is going to wait until a person approves what is in force. `preview` must be of
/// everything.
///
/// # Errors
/// When it cannot be read what the last round has approved.
pub async fn approval_needed<W: Clock + ReadPolicyHistory + ReadRound>(
    world: &W,
    of: PreviewOf<'_>,
    preview: &PrunePreview,
) -> Result<Option<Unapproved>, PortError> {
    let last = world.last_round().await?;
    Ok(unapproved(world, of, preview, &last, world.now()).await)
}

/// Whether nothing starts and nothing goes by these policies, as after a drain. They are no measure for the policies after
/// them: those are compared with what was approved before the drain.
pub(super) fn are_at_rest(policies: &Policies) -> bool {
    let mut all = policies.all.iter().map(|policy| &policy.options);
    all.all(|options| options.paused && options.retention.is_empty())
}

/// The policies of these rules. `None` if they cannot be read: then nothing shows that they removed as much.
async fn policies_of<W: ReadPolicyHistory>(
    world: &W,
    of: PreviewOf<'_>,
    rules: &str,
) -> Option<Policies> {
    let Some(version) = rules
        .parse()
        .ok()
        .and_then(|number| Version::new(number).ok())
    else {
        return Some(of.built_in.clone());
    };
    let read = world.policy_version(version).await.inspect_err(|error| {
        let error = chain(error);
        warn!(%version, error, "the version of the policies before cannot be read");
    });
    let applied = read.ok().flatten()?;
    Some(applied.set.policies(of.key))
}
