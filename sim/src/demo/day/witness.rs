//! Stands between the callers and the model, and keeps what the model did with drills and restores.
//!
//! What the demo says of them comes from here and from the model's own rows, and not from the commands.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::fleet::{RECOVERY, SOURCES, region};
use super::super::policies::{DRILL_GROUP, SECURITY_GROUPS};
use crate::rds::{
    Family, Instance, InstanceStatus, Making, Rds, RdsFault, Region, Request, RestoreOutcome,
};
use crate::rds_http::{Action, Incoming, Interference};

/// How the names of drills' databases begin.
pub(super) const DRILLED: &str = "sfd-";

/// A drill, as the model saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SeenDrill {
    /// The resource id of the database whose recovery point was restored.
    pub(super) of: String,
    /// Its status when its deletion was first asked for, and what was wrong with it then.
    pub(super) at_deletion: Option<(InstanceStatus, Vec<String>)>,
}

/// What the model saw.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// The drills whose restore RDS accepted, by the names of their databases.
    pub(super) drills: BTreeMap<String, SeenDrill>,
    /// The restores for drills that RDS refused: the database's resource id, and RDS's code.
    pub(super) refused: Vec<(String, &'static str)>,
    /// The databases that restores and drills made in the recovery region, by resource id.
    made: BTreeSet<String>,
    /// Calls to a source region while it was closed.
    pub(super) while_closed: Vec<String>,
    /// Changes and deletions of databases that no restore and no drill had made.
    pub(super) touched: Vec<String>,
}

/// The seam before the model.
#[derive(Debug)]
pub(in crate::demo) struct Witness {
    inner: Arc<dyn Interference>,
    planted: BTreeMap<String, RestoreOutcome>,
    is_closed: AtomicBool,
    seen: Mutex<Seen>,
}

impl Witness {
    #[must_use]
    pub(super) fn new(
        inner: Arc<dyn Interference>,
        planted: BTreeMap<String, RestoreOutcome>,
    ) -> Self {
        Self {
            inner,
            planted,
            is_closed: AtomicBool::new(false),
            seen: Mutex::default(),
        }
    }

    /// From now on the source regions refuse every call, or answer again.
    pub(super) fn close(&self, is_closed: bool) {
        self.is_closed.store(is_closed, Ordering::SeqCst);
    }

    /// What the model saw so far.
    #[must_use]
    pub(super) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn home() -> Region {
    region(RECOVERY)
}

/// The resource id of the database whose snapshot a restore names, by name or ARN.
fn restored_of(rds: &Rds, family: Family, named: &str) -> Option<String> {
    let name = named.rsplit(':').next().unwrap_or(named);
    let snapshot = match family {
        Family::Instance => rds.snapshot(&home(), name),
        Family::Cluster => rds.cluster_snapshot(&home(), name),
    };
    snapshot.map(|one| one.instance.resource_id.clone())
}

fn resource_id(rds: &Rds, family: Family, name: &str) -> Option<String> {
    match family {
        Family::Instance => rds
            .instance(&home(), name)
            .map(|one| one.resource_id.clone()),
        Family::Cluster => rds
            .cluster(&home(), name)
            .map(|one| one.resource_id.clone()),
    }
}

/// The database that a call changes or deletes.
fn changed(request: &Request) -> Option<(Family, &str)> {
    match request {
        Request::Make(Making::ModifyInstance, r) => Some((Family::Instance, &r.database)),
        Request::Make(Making::ModifyCluster, r) => Some((Family::Cluster, &r.database)),
        Request::RebootDbInstance(name) => Some((Family::Instance, name)),
        Request::AddRole(family, r) => Some((*family, &r.database)),
        Request::DeleteDatabase(family, r) => Some((*family, &r.database)),
        Request::EnableHttpEndpoint(arn) => {
            Some((Family::Cluster, arn.rsplit(':').next().unwrap_or(arn)))
        }
        _ => None,
    }
}

impl Interference for Witness {
    fn before(&self, call: &Incoming<'_>, rds: &mut Rds) -> Action {
        let place = call.region.as_str();
        if SOURCES.contains(&place) && self.is_closed.load(Ordering::SeqCst) {
            let what = format!(
                "{} called {} in {place}",
                call.app,
                call.request.operation()
            );
            self.lock().while_closed.push(what);
            return Action::Refuse {
                status: 503,
                code: "ServiceUnavailable",
                message: format!("{place} is lost"),
            };
        }
        if place == RECOVERY {
            self.note_before(call, rds);
        }
        self.inner.before(call, rds)
    }

    fn after(&self, call: &Incoming<'_>, error: Option<&RdsFault>, rds: &Rds) {
        if let (RECOVERY, Request::Make(making, request)) = (call.region.as_str(), call.request) {
            self.note_making(
                *making,
                &request.database,
                request.of.as_deref(),
                error,
                rds,
            );
        }
        self.inner.after(call, error, rds);
    }
}

impl Witness {
    fn note_before(&self, call: &Incoming<'_>, rds: &mut Rds) {
        if let Request::Make(Making::RestoreInstance, request) = call.request
            && request.database.starts_with(DRILLED)
        {
            let of = request.of.as_deref().unwrap_or_default();
            let of = restored_of(rds, Family::Instance, of).unwrap_or_default();
            if let Some(outcome) = self.planted.get(&of) {
                let faults = &mut rds.config_mut().faults;
                faults.plan_restore(home(), &request.database, *outcome);
            }
        }
        let Some((family, name)) = changed(call.request) else {
            return;
        };
        let mut seen = self.lock();
        let id = resource_id(rds, family, name);
        if id.is_some_and(|id| !seen.made.contains(&id)) {
            let operation = call.request.operation();
            seen.touched.push(format!(
                "{} called {operation} for {name}, which no restore and no drill made",
                call.app
            ));
        }
        if matches!(call.request, Request::DeleteDatabase(..)) {
            note_deletion(&mut seen, rds, family, name);
        }
    }

    fn note_making(
        &self,
        making: Making,
        name: &str,
        from: Option<&str>,
        error: Option<&RdsFault>,
        rds: &Rds,
    ) {
        let family = match making {
            Making::RestoreInstance | Making::CreateMember => Family::Instance,
            Making::RestoreCluster => Family::Cluster,
            Making::ModifyInstance | Making::ModifyCluster => return,
        };
        let mut seen = self.lock();
        let of = from.and_then(|from| restored_of(rds, family, from));
        let is_drill = name.starts_with(DRILLED) && making != Making::CreateMember;
        match error {
            None => {
                seen.made.extend(resource_id(rds, family, name));
                if is_drill {
                    let drill = SeenDrill {
                        of: of.unwrap_or_default(),
                        at_deletion: None,
                    };
                    seen.drills.insert(name.to_owned(), drill);
                }
            }
            Some(error) if is_drill => seen.refused.push((of.unwrap_or_default(), error.code())),
            Some(_) => {}
        }
    }
}

/// Keeps how a drill was when the first of what it made was to be deleted.
fn note_deletion(seen: &mut Seen, rds: &Rds, family: Family, name: &str) {
    let instance = rds
        .instance(&home(), name)
        .filter(|_| family == Family::Instance);
    let cluster = instance.and_then(|one| one.spec.cluster.clone());
    let of_drill = cluster.unwrap_or_else(|| name.to_owned());
    let Some(drill) = seen.drills.get_mut(&of_drill) else {
        return;
    };
    if drill.at_deletion.is_none() {
        drill.at_deletion = state(rds, &of_drill, &drill.of);
    }
}

/// The status of a drill's database, and what is wrong with it by the rows of the model.
fn state(rds: &Rds, drill: &str, of: &str) -> Option<(InstanceStatus, Vec<String>)> {
    let at = home();
    let sources = SOURCES.map(region);
    if let Some(row) = rds.instance(&at, drill) {
        let mut all = sources.iter().flat_map(|source| rds.instances(source));
        let source = all.find(|one| one.resource_id == of)?;
        return Some((row.status, wrong_instance(row, source)));
    }
    let row = rds.cluster(&at, drill)?;
    let mut all = sources.iter().flat_map(|source| rds.clusters(source));
    let source = all.find(|one| one.resource_id == of)?;
    let mut wrong = network(&row.spec.subnet_group, &row.spec.security_groups);
    if !row.spec.settings.roles.is_empty() || row.spec.settings.http_endpoint {
        wrong.push("it has roles or a Data API".to_owned());
    }
    if row.spec.members.len() != source.spec.members.len() {
        wrong.push(format!("it has {} members", row.spec.members.len()));
    }
    let members = row.spec.members.iter();
    wrong.extend(members.filter_map(|name| {
        let member = rds.instance(&at, name);
        let runs = member.is_some_and(|one| one.status == InstanceStatus::Available);
        (!runs).then(|| format!("its member {name} does not run"))
    }));
    Some((row.status, wrong))
}

fn network(subnets: &str, groups: &[String]) -> Vec<String> {
    let is_right = subnets == DRILL_GROUP && groups == [SECURITY_GROUPS[1]];
    let wrong = (!is_right).then(|| format!("it is in {subnets}, with {groups:?}"));
    wrong.into_iter().collect()
}

fn wrong_instance(row: &Instance, source: &Instance) -> Vec<String> {
    let (is, was) = (&row.spec, &source.spec);
    let mut wrong = network(&is.subnet_group, &is.security_groups);
    if is.settings.publicly_accessible || !is.settings.roles.is_empty() {
        wrong.push("it is public or has roles".to_owned());
    }
    if is.backup_retention_days != 0 || is.deletion_protection {
        wrong.push("it has backups or is protected".to_owned());
    }
    let same = [
        ("engine", &is.engine, &was.engine),
        ("class", &is.class, &was.class),
        ("license", &is.license_model, &was.license_model),
    ];
    let other = same.into_iter().filter(|(_, is, was)| is != was);
    wrong.extend(other.map(|(what, is, was)| format!("its {what} is {is} and was {was}")));
    if is.allocated_storage != was.allocated_storage || is.multi_az != was.multi_az {
        wrong.push("its storage or its standby is another".to_owned());
    }
    wrong
}
