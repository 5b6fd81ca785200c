//! The catalog: which execution holds a database's claim, and what can be restored.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, ReturnValuesOnConditionCheckFailure,
};
use jiff::Timestamp;

use tracing::warn;

use super::clients::Aws;
use super::fault::{port_error, unusable};
use super::items::{self, Item, ItemError, PK, get_text, parsed, text, time};
use super::waits::is_conflict;
use crate::domain::id::arn::ExecutionArn;
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::names::{ExecutionName, ResourceId};
use crate::domain::id::tags::PolicyName;
use crate::domain::run::command::ProtectionRequest;
use crate::domain::run::manifest::Manifest;
use crate::domain::run::permit::{InputHash, OpenClaim, Permit, permit};
use crate::domain::run::refusal::RefusedForGood;
use crate::error::chain;
use crate::json;
use crate::ports::{
    CheckClaim, Claim, ClaimRun, Entry, ForgetRefusal, Held, PortError, ReadEntries,
    RecordRecoveryPoint, RememberRefusal,
};

const DATABASE: &str = "database";
const OPEN_EXECUTION: &str = "open_execution";
const CLAIMED_AT: &str = "claimed_at";
/// The hash of the open execution's input, after the execution's name. Version 0.1.0 leaves it standing when it claims and
/// releases, so it counts only for the execution that it names.
const OPEN_INPUT: &str = "open_input";
pub(super) const RECOVERY_POINT: &str = "recovery_point";
pub(super) const TAKEN_AT: &str = "taken_at";
const REFUSED: &str = "refused";

const ACTION: &str = "dynamodb:UpdateItem";

/// The key of a database's entry. A rename does not change the resource id, and neither part can contain a `#`.
pub(super) fn entry_key(database: &ResourceId, policy: &PolicyName) -> AttributeValue {
    text(format!("database#{database}#{policy}"))
}

fn entry(item: &Item) -> Result<Entry, ItemError> {
    let key = get_text(item, PK)?;
    let (database, policy) = key
        .strip_prefix("database#")
        .and_then(|rest| rest.split_once('#'))
        .ok_or_else(|| ItemError::new(PK, "the key of a database's entry"))?;
    let open = match item.contains_key(OPEN_EXECUTION) {
        true => {
            let name = get_text(item, OPEN_EXECUTION)?;
            Some(parsed(OPEN_EXECUTION, ExecutionName::parse(name))?)
        }
        false => None,
    };
    let newest = match item.contains_key(RECOVERY_POINT) {
        true => {
            let point = get_text(item, RECOVERY_POINT)?;
            let fault = |error| ItemError::new(RECOVERY_POINT, format!("a manifest: {error}"));
            Some(json::manifest::read(point).map_err(fault)?)
        }
        false => None,
    };
    Ok(Entry {
        database: parsed(PK, ResourceId::parse(database))?,
        policy: parsed(PK, PolicyName::parse(policy))?,
        open,
        newest,
        refused: refused(item),
    })
}

/// What RDS refused permanently. If it cannot be read, a run as usual is the safe reading.
fn refused(item: &Item) -> Option<RefusedForGood> {
    if !item.contains_key(REFUSED) {
        return None;
    }
    let read = get_text(item, REFUSED)
        .map_err(|fault| fault.to_string())
        .and_then(|text| json::refusal::read(text).map_err(|error| chain(&error)));
    let fault = |fault: &String| {
        warn!(item = items::key_of(item), %fault, "a refusal that cannot be read");
    };
    read.inspect_err(fault).ok()
}

impl<Extra> RememberRefusal for Aws<Extra> {
    async fn remember_refusal(
        &self,
        database: &DatabaseRef,
        policy: &PolicyName,
        refusal: &RefusedForGood,
    ) -> Result<(), PortError> {
        self.dynamodb()
            .update_item()
            .table_name(&self.table)
            .key(PK, entry_key(&database.resource_id, policy))
            .update_expression("SET #refused = :refused, #database = :arn")
            .expression_attribute_names("#refused", REFUSED)
            .expression_attribute_names("#database", DATABASE)
            .expression_attribute_values(":refused", text(json::refusal::write(refusal)))
            .expression_attribute_values(":arn", text(database.arn.to_string()))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| port_error(ACTION, &error, &[]))
    }
}

impl<Extra> ForgetRefusal for Aws<Extra> {
    async fn forget_refusal(
        &self,
        database: &DatabaseRef,
        policy: &PolicyName,
    ) -> Result<(), PortError> {
        self.dynamodb()
            .update_item()
            .table_name(&self.table)
            .key(PK, entry_key(&database.resource_id, policy))
            .update_expression("REMOVE #refused")
            .expression_attribute_names("#refused", REFUSED)
            .send()
            .await
            .map(|_| ())
            .map_err(|error| port_error(ACTION, &error, &[]))
    }
}

impl<Extra> ReadEntries for Aws<Extra> {
    async fn read_entries(&self, of: &[(ResourceId, PolicyName)]) -> Result<Vec<Entry>, PortError> {
        const ACTION: &str = "dynamodb:BatchGetItem";
        if of.is_empty() {
            return Ok(Vec::new());
        }
        let keys = of.iter().map(|(database, policy)| {
            HashMap::from([(PK.to_owned(), entry_key(database, policy))])
        });
        let asked = KeysAndAttributes::builder()
            .set_keys(Some(keys.collect()))
            .build()
            .map_err(|error| unusable(ACTION, error))?;
        let found = self.batch_get(asked).await?;
        // A broken item must not hide the others.
        let readable = |item| {
            let fault = |fault: &ItemError| {
                warn!(item = items::key_of(item), %fault, "an entry that cannot be read");
            };
            entry(item).inspect_err(fault).ok()
        };
        Ok(found.iter().filter_map(readable).collect())
    }
}

impl<Extra> ClaimRun for Aws<Extra> {
    async fn claim_run(
        &self,
        run: &ProtectionRequest,
        execution: &ExecutionName,
        at: Timestamp,
        instead_of: Option<&Held>,
    ) -> Result<Claim, PortError> {
        let database = &run.database;
        let mut condition = "attribute_not_exists(#open) OR #open = :this".to_owned();
        match instead_of.map(|held| held.since) {
            None => {}
            Some(None) => {
                condition.push_str(" OR (#open = :other AND attribute_not_exists(#claimed))");
            }
            Some(Some(_)) => condition.push_str(" OR (#open = :other AND #claimed = :since)"),
        }
        let mut request = self
            .dynamodb()
            .update_item()
            .table_name(&self.table)
            .key(PK, entry_key(&database.resource_id, &run.policy))
            .update_expression(
                "SET #open = :this, #claimed = :at, #database = :arn, #input = :input",
            )
            .condition_expression(condition)
            .expression_attribute_names("#open", OPEN_EXECUTION)
            .expression_attribute_names("#claimed", CLAIMED_AT)
            .expression_attribute_names("#database", DATABASE)
            .expression_attribute_names("#input", OPEN_INPUT)
            .expression_attribute_values(":input", write_input(execution, run))
            .expression_attribute_values(":this", text(execution.as_str()))
            .expression_attribute_values(":at", time(at))
            .expression_attribute_values(":arn", text(database.arn.to_string()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if let Some(held) = instead_of {
            request = request.expression_attribute_values(":other", text(held.by.as_str()));
        }
        if let Some(since) = instead_of.and_then(|held| held.since) {
            request = request.expression_attribute_values(":since", time(since));
        }
        let error = match request.send().await {
            Ok(_) => return Ok(Claim::Ours),
            Err(error) => error,
        };
        let SdkError::ServiceError(answer) = &error else {
            return Err(port_error(ACTION, &error, &[]));
        };
        let UpdateItemError::ConditionalCheckFailedException(failed) = answer.err() else {
            return Err(port_error(ACTION, &error, &[]));
        };
        let stored = failed
            .item()
            .ok_or_else(|| unusable(ACTION, "DynamoDB left the stored item out"))?;
        held_by(stored).map_err(|error| unusable(ACTION, error))
    }

    async fn release_run(
        &self,
        database: &DatabaseRef,
        policy: &PolicyName,
        execution: &ExecutionName,
    ) -> Result<(), PortError> {
        self.release_claim(&database.resource_id, policy, execution.as_str())
            .await
    }
}

fn write_input(execution: &ExecutionName, run: &ProtectionRequest) -> AttributeValue {
    let hash = json::run::hash(run);
    text(format!("{execution} {}", hash.as_str()))
}

/// The claim of an entry, if it is claimed.
fn open_claim(entry: &Item) -> Result<Option<OpenClaim>, ItemError> {
    if !entry.contains_key(OPEN_EXECUTION) {
        return Ok(None);
    }
    let by = parsed(
        OPEN_EXECUTION,
        ExecutionName::parse(get_text(entry, OPEN_EXECUTION)?),
    )?;
    let input = match entry.contains_key(OPEN_INPUT) {
        true => get_text(entry, OPEN_INPUT)?.split_once(' '),
        false => None,
    };
    let input = input
        .filter(|(name, _)| *name == by.as_str())
        .map(|(_, hash)| InputHash::stored(hash));
    Ok(Some(OpenClaim { by, input }))
}

impl<Extra> CheckClaim for Aws<Extra> {
    async fn check_claim(
        &self,
        run: &ProtectionRequest,
        execution: &str,
    ) -> Result<Permit, PortError> {
        let key = entry_key(&run.database.resource_id, &run.policy);
        let item = self.item(key).await?;
        let claim = item.as_ref().map(open_claim).transpose();
        let claim = claim
            .map_err(|error| unusable("dynamodb:GetItem", error))?
            .flatten();
        Ok(permit(claim.as_ref(), execution, &json::run::hash(run)))
    }
}

fn held_by(entry: &Item) -> Result<Claim, ItemError> {
    let name = get_text(entry, OPEN_EXECUTION)?;
    let since = entry
        .contains_key(CLAIMED_AT)
        .then(|| items::get_time(entry, CLAIMED_AT))
        .transpose()?;
    let by = parsed(OPEN_EXECUTION, ExecutionName::parse(name))?;
    Ok(Claim::HeldBy(Held { by, since }))
}

impl<Extra> RecordRecoveryPoint for Aws<Extra> {
    async fn record_recovery_point(
        &self,
        run: &ProtectionRequest,
        execution: &ExecutionArn,
        copy: &Manifest,
    ) -> Result<(), PortError> {
        self.enter_recovery_point(run, copy).await?;
        self.end_run(run, execution).await
    }
}

impl<Extra> Aws<Extra> {
    /// Enters a copy unless the entry has one with newer data. A copy without the time of its data is entered only if it is
    /// the first.
    async fn enter_recovery_point(
        &self,
        run: &ProtectionRequest,
        copy: &Manifest,
    ) -> Result<(), PortError> {
        let request = self
            .dynamodb()
            .update_item()
            .table_name(&self.table)
            .key(PK, entry_key(&run.database.resource_id, &run.policy))
            .expression_attribute_names("#database", DATABASE)
            .expression_attribute_names("#point", RECOVERY_POINT)
            .expression_attribute_names("#refused", REFUSED)
            .expression_attribute_values(":arn", text(run.database.arn.to_string()))
            .expression_attribute_values(":point", text(json::manifest::write(copy)));
        let request = match copy.taken_at {
            Some(taken_at) => request
                .update_expression(
                    "SET #point = :point, #database = :arn, #taken = :taken REMOVE #refused",
                )
                .condition_expression("attribute_not_exists(#taken) OR #taken <= :taken")
                .expression_attribute_names("#taken", TAKEN_AT)
                .expression_attribute_values(":taken", time(taken_at)),
            None => request
                .update_expression("SET #point = :point, #database = :arn REMOVE #refused")
                .condition_expression("attribute_not_exists(#point)"),
        };
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_conflict(error.as_service_error().map(|e| e.meta())) => Ok(()),
            Err(error) => Err(port_error(ACTION, &error, &[])),
        }
    }

    /// Ends the claim if this execution holds it. Another may have claimed since.
    async fn end_run(
        &self,
        run: &ProtectionRequest,
        execution: &ExecutionArn,
    ) -> Result<(), PortError> {
        let arn = execution.as_str();
        let name = arn.rsplit_once(':').map_or(arn, |(_, name)| name);
        self.release_claim(&run.database.resource_id, &run.policy, name)
            .await
    }

    async fn release_claim(
        &self,
        database: &ResourceId,
        policy: &PolicyName,
        execution: &str,
    ) -> Result<(), PortError> {
        let request = self
            .dynamodb()
            .update_item()
            .table_name(&self.table)
            .key(PK, entry_key(database, policy))
            .update_expression("REMOVE #open, #claimed, #input")
            .expression_attribute_names("#input", OPEN_INPUT)
            .condition_expression("#open = :this")
            .expression_attribute_names("#open", OPEN_EXECUTION)
            .expression_attribute_names("#claimed", CLAIMED_AT)
            .expression_attribute_values(":this", text(execution));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_conflict(error.as_service_error().map(|e| e.meta())) => Ok(()),
            Err(error) => Err(port_error(ACTION, &error, &[])),
        }
    }
}
