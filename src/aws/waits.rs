//! The waits in the table. Reads of single waits are consistent; every write carries the token it expects.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, ReturnValue, ReturnValuesOnConditionCheckFailure,
};
use jiff::Timestamp;
use tracing::error;

use super::clients::Aws;
use super::fault::{port_error, unusable};
use super::items::{
    self, ABSENT, ATTEMPT, Item, LAST_ERROR, OCCASION, OPEN_WAIT, PHASE, PK, QUEUE, SINCE,
    SLOTS_KEY, TOKEN, TTL, TURN, key_of, text, time, wait_key,
};
use super::slots_item::read_taken;
use crate::domain::id::arn::RdsArn;
use crate::domain::id::token::TaskToken;
use crate::domain::limits::{BATCH_GET_MAX, WAIT_TIME_TO_LIVE};
use crate::domain::run::last_error::LastError;
use crate::domain::run::naming::first_attempt;
use crate::domain::run::wait::{Phase, Wait};
use crate::ports::{
    ForgetIdle, HearDead, ListOpen, LookUpWaits, NoteError, Occupant, OpenMarker, OpenPage,
    PortError, RegisterWaits, Waits, Written,
};

const IS_NEW: &str = "attribute_not_exists(#pk)";
const HAS_TOKEN: &str = "#token = :token";

impl<Extra> RegisterWaits for Aws<Extra> {
    async fn register(&self, wait: &Wait) -> Result<Option<Occupant>, PortError> {
        const ACTION: &str = "dynamodb:PutItem";
        let request = self
            .dynamodb()
            .put_item()
            .table_name(&self.table)
            .set_item(Some(items::write_wait(wait)))
            .condition_expression(IS_NEW)
            .expression_attribute_names("#pk", PK)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let error = match request.send().await {
            Ok(_) => return Ok(None),
            Err(error) => error,
        };
        match &error {
            SdkError::ServiceError(answer) => match answer.err() {
                PutItemError::ConditionalCheckFailedException(failed) => {
                    let stored = failed
                        .item()
                        .ok_or_else(|| unusable(ACTION, "DynamoDB left the stored item out"))?;
                    let standing = if items::is_removal(stored) {
                        items::read_removal(stored).map(Occupant::Removal)
                    } else {
                        items::read_wait(stored).map(|wait| Occupant::Wait(Box::new(wait)))
                    };
                    standing.map(Some).map_err(|error| unusable(ACTION, error))
                }
                _ => Err(port_error(ACTION, &error, &[wait.command.token.reveal()])),
            },
            _ => Err(port_error(ACTION, &error, &[wait.command.token.reveal()])),
        }
    }

    async fn register_past_removal(
        &self,
        wait: &Wait,
        removed: &RdsArn,
    ) -> Result<Written, PortError> {
        let request = self
            .dynamodb()
            .put_item()
            .table_name(&self.table)
            .set_item(Some(items::write_wait(wait)))
            .condition_expression("#removal = :removed")
            .expression_attribute_names("#removal", items::REMOVAL)
            .expression_attribute_values(":removed", text(removed.to_string()));
        match request.send().await {
            Ok(_) => Ok(Written::Stored),
            Err(error) if is_conflict(error.as_service_error().map(PutItemError::meta)) => {
                Ok(Written::Conflict)
            }
            Err(error) => Err(port_error(
                "dynamodb:PutItem",
                &error,
                &[wait.command.token.reveal()],
            )),
        }
    }

    async fn replace(&self, wait: &Wait, instead_of: &Wait) -> Result<Written, PortError> {
        let token = instead_of.command.token.reveal();
        let (at_attempt, number) = items::is_at_attempt(&instead_of.resource);
        let mut request = self
            .dynamodb()
            .put_item()
            .table_name(&self.table)
            .set_item(Some(items::write_wait(wait)))
            .condition_expression(format!("{HAS_TOKEN} AND {at_attempt}"))
            .expression_attribute_names("#token", TOKEN)
            .expression_attribute_names("#attempt", ATTEMPT)
            .expression_attribute_values(":token", text(token));
        if let Some(number) = number {
            request = request.expression_attribute_values(":attempt", number);
        }
        match request.send().await {
            Ok(_) => Ok(Written::Stored),
            Err(error) if is_conflict(error.as_service_error().map(PutItemError::meta)) => {
                Ok(Written::Conflict)
            }
            Err(error) => {
                let secrets = [token, wait.command.token.reveal()];
                Err(port_error("dynamodb:PutItem", &error, &secrets))
            }
        }
    }
}

impl<Extra> Aws<Extra> {
    /// An update of a resource's wait, as long as it holds this token and is at this attempt, and this condition holds.
    pub(super) fn update_of_wait(
        &self,
        resource: &RdsArn,
        token: &TaskToken,
        and: Option<&str>,
    ) -> UpdateItemFluentBuilder {
        let (at_attempt, number) = items::is_at_attempt(resource);
        let and = and.map_or_else(String::new, |and| format!(" AND {and}"));
        let request = self
            .dynamodb()
            .update_item()
            .table_name(&self.table)
            .key(PK, wait_key(resource))
            .condition_expression(format!("{HAS_TOKEN} AND {at_attempt}{and}"))
            .expression_attribute_names("#attempt", ATTEMPT)
            .expression_attribute_names("#token", TOKEN)
            .expression_attribute_values(":token", text(token.reveal()));
        match number {
            Some(number) => request.expression_attribute_values(":attempt", number),
            None => request,
        }
    }
}

pub(super) async fn written(
    request: UpdateItemFluentBuilder,
    token: &TaskToken,
) -> Result<Written, PortError> {
    match request.send().await {
        Ok(_) => Ok(Written::Stored),
        Err(error) if is_conflict(error.as_service_error().map(|e| e.meta())) => {
            Ok(Written::Conflict)
        }
        Err(error) => Err(port_error("dynamodb:UpdateItem", &error, &[token.reveal()])),
    }
}

impl<Extra> Waits for Aws<Extra> {
    async fn set_phase(
        &self,
        resource: &RdsArn,
        token: &TaskToken,
        phase: Phase,
        since: Timestamp,
    ) -> Result<Written, PortError> {
        let before = Phase::ALL.into_iter().filter(|one| one.may_become(phase));
        let before: Vec<(String, Phase)> = before
            .map(|one| (format!(":{}", one.as_str()), one))
            .collect();
        let names: Vec<&str> = before.iter().map(|(name, _)| &**name).collect();
        let is_new = match phase {
            Phase::Registered => " AND #since < :since",
            Phase::Queued | Phase::Requested | Phase::Seen => "",
        };
        let condition = format!("#phase IN ({}){is_new}", names.join(", "));
        let mut request = self
            .update_of_wait(resource, token, Some(&condition))
            .update_expression(match phase {
                Phase::Queued => "SET #phase = :phase, #since = :since",
                // A copy leaves the queue for slots when a worker has its command.
                _ => "SET #phase = :phase, #since = :since REMOVE #queue, #turn",
            })
            .expression_attribute_names("#phase", PHASE)
            .expression_attribute_names("#since", SINCE)
            .expression_attribute_values(":phase", text(phase.as_str()))
            .expression_attribute_values(":since", time(since));
        if phase != Phase::Queued {
            request = request
                .expression_attribute_names("#queue", QUEUE)
                .expression_attribute_names("#turn", TURN);
        }
        for (name, phase) in &before {
            request = request.expression_attribute_values(name, text(phase.as_str()));
        }
        written(request, token).await
    }

    async fn note_absence(
        &self,
        resource: &RdsArn,
        token: &TaskToken,
        absent: bool,
    ) -> Result<Written, PortError> {
        let request = self
            .update_of_wait(resource, token, None)
            .expression_attribute_names("#absent", ABSENT);
        let request = if absent {
            request
                .update_expression("SET #absent = :absent")
                .expression_attribute_values(":absent", AttributeValue::Bool(true))
        } else {
            request.update_expression("REMOVE #absent")
        };
        written(request, token).await
    }

    async fn forget(&self, resource: &RdsArn, token: &TaskToken) -> Result<bool, PortError> {
        let mut has_deleted = false;
        for key in std::iter::once(wait_key(resource)).chain(items::old_wait_key(resource)) {
            let request = self
                .dynamodb()
                .delete_item()
                .table_name(&self.table)
                .key(PK, key)
                .condition_expression(HAS_TOKEN)
                .expression_attribute_names("#token", TOKEN)
                .expression_attribute_values(":token", text(token.reveal()));
            match request.send().await {
                Ok(_) => has_deleted = true,
                // The wait is gone, or a newer token has taken it over, and only its command may delete it.
                Err(error) if is_conflict(error.as_service_error().map(|e| e.meta())) => {}
                Err(error) => {
                    return Err(port_error("dynamodb:DeleteItem", &error, &[token.reveal()]));
                }
            }
        }
        Ok(has_deleted)
    }
}

impl<Extra> ForgetIdle for Aws<Extra> {
    async fn forget_idle(&self, wait: &Wait) -> Result<Written, PortError> {
        let token = wait.command.token.reveal();
        let (at_attempt, number) = items::is_at_attempt(&wait.resource);
        let mut request = self
            .dynamodb()
            .delete_item()
            .table_name(&self.table)
            .key(PK, wait_key(&wait.resource))
            .condition_expression(format!(
                "{HAS_TOKEN} AND {at_attempt} AND #phase = :phase AND #since = :since"
            ))
            .expression_attribute_names("#token", TOKEN)
            .expression_attribute_names("#attempt", ATTEMPT)
            .expression_attribute_names("#phase", PHASE)
            .expression_attribute_names("#since", SINCE)
            .expression_attribute_values(":token", text(token))
            .expression_attribute_values(":phase", text(wait.phase.as_str()))
            .expression_attribute_values(":since", time(wait.since));
        if let Some(number) = number {
            request = request.expression_attribute_values(":attempt", number);
        }
        match request.send().await {
            Ok(_) => Ok(Written::Stored),
            Err(error) if is_conflict(error.as_service_error().map(|e| e.meta())) => {
                Ok(Written::Conflict)
            }
            Err(error) => Err(port_error("dynamodb:DeleteItem", &error, &[token])),
        }
    }
}

impl<Extra> NoteError for Aws<Extra> {
    async fn note_error(
        &self,
        resource: &RdsArn,
        token: &TaskToken,
        last_error: &LastError,
    ) -> Result<Written, PortError> {
        let request = self
            .update_of_wait(resource, token, None)
            .update_expression("SET #trouble = :trouble")
            .expression_attribute_names("#trouble", LAST_ERROR)
            .expression_attribute_values(":trouble", items::write_last_error(last_error));
        written(request, token).await
    }
}

impl<Extra> HearDead for Aws<Extra> {
    async fn heard_dead(
        &self,
        token: &TaskToken,
        occasion: &str,
        at: Timestamp,
    ) -> Result<bool, PortError> {
        const ACTION: &str = "dynamodb:UpdateItem";
        let expires = at
            .saturating_add(WAIT_TIME_TO_LIVE)
            .unwrap_or(Timestamp::MAX);
        let answer = self
            .dynamodb()
            .update_item()
            .table_name(&self.table)
            .key(PK, items::dead_key(token))
            .update_expression(
                "SET #occasion = if_not_exists(#occasion, :occasion), #ttl = if_not_exists(#ttl, :ttl)",
            )
            .expression_attribute_names("#occasion", OCCASION)
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_values(":occasion", text(occasion))
            .expression_attribute_values(":ttl", items::number(expires.as_second()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .map_err(|error| port_error(ACTION, &error, &[token.reveal()]))?;
        let item = answer
            .attributes()
            .ok_or_else(|| unusable(ACTION, "DynamoDB left the new item out"))?;
        let first = items::get_text(item, OCCASION).map_err(|error| unusable(ACTION, error))?;
        Ok(first != occasion)
    }
}

/// Whether a write failed by its condition alone.
pub(super) fn is_conflict(meta: Option<&aws_sdk_dynamodb::error::ErrorMetadata>) -> bool {
    meta.and_then(|meta| meta.code()) == Some("ConditionalCheckFailedException")
}

impl<Extra> LookUpWaits for Aws<Extra> {
    async fn look_up(&self, resources: &[RdsArn]) -> Result<Vec<Wait>, PortError> {
        const ACTION: &str = "dynamodb:BatchGetItem";
        let resources: BTreeSet<RdsArn> = resources
            .iter()
            .flat_map(|resource| [first_attempt(resource), resource.clone()])
            .collect();
        // Version 0.1.0 stored the wait of a later attempt under that attempt's own ARN.
        let keys: Vec<AttributeValue> = resources
            .iter()
            .map(|resource| items::old_wait_key(resource).unwrap_or_else(|| wait_key(resource)))
            .collect();
        let mut waits = Vec::new();
        for keys in keys.chunks(BATCH_GET_MAX) {
            let keys = keys
                .iter()
                .map(|key| HashMap::from([(PK.to_owned(), key.clone())]));
            let asked = KeysAndAttributes::builder()
                .set_keys(Some(keys.collect()))
                .consistent_read(true)
                .build()
                .map_err(|error| unusable(ACTION, error))?;
            waits.extend(self.batch_get(asked).await?.iter().filter_map(readable));
        }
        Ok(waits)
    }
}

/// A broken item must not keep others from being settled. It is logged, and its state times out.
fn readable(item: &Item) -> Option<Wait> {
    if items::is_removal(item) {
        return None;
    }
    items::read_wait(item)
        .map_err(|fault| error!(item = key_of(item), error = %fault, "a wait that cannot be read"))
        .ok()
}

impl<Extra> ListOpen for Aws<Extra> {
    async fn list_open(&self, from: Option<OpenMarker>) -> Result<OpenPage, PortError> {
        let marker = from.map(|marker| marker.0);
        let (rows, next) = self.query_open(OPEN_WAIT, marker).await?;
        let mut page = OpenPage {
            next: next.map(OpenMarker),
            ..OpenPage::default()
        };
        for item in &rows {
            if key_of(item) == SLOTS_KEY {
                page.slots = read_taken(item);
            } else {
                let wait = readable(item);
                let has_no_turn =
                    |wait: &&Wait| wait.phase == Phase::Queued && !item.contains_key(items::QUEUE);
                let without_turn = wait.as_ref().filter(has_no_turn);
                page.without_turn
                    .extend(without_turn.map(|wait| first_attempt(&wait.resource)));
                page.waits.extend(wait);
            }
        }
        Ok(page)
    }
}
