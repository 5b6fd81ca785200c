//! The index of queued copies: who is next for a slot.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use jiff::Timestamp;
use tracing::error;

use super::clients::Aws;
use super::items::{self, Item, ItemError, PHASE, QUEUE, SINCE, TURN, key_of, text, time};
use super::open_items::Index;
use super::waits::written;
use crate::domain::id::arn::Family;
use crate::domain::run::turn::{QueuedCopy, Turn};
use crate::domain::run::wait::{Phase, Wait};
use crate::ports::{ListQueue, Page, PortError, QueueCopies, Written};

const INDEX: Index = Index {
    name: "copy-queue",
    key: QUEUE,
    // A settled copy has one slot to hand on: it asks for more only where it finds nobody who may have it.
    page: Some(20),
};

impl<Extra> Aws<Extra> {
    /// An update of a wait under this condition, with the placeholders of the copy's place in the queue.
    fn update_of_place(&self, wait: &Wait, condition: &str) -> UpdateItemFluentBuilder {
        self.update_of_wait(&wait.resource, &wait.command.token, Some(condition))
            .expression_attribute_names("#phase", PHASE)
            .expression_attribute_names("#since", SINCE)
            .expression_attribute_names("#queue", QUEUE)
            .expression_attribute_names("#turn", TURN)
            .expression_attribute_values(":queue", items::queue_of(&wait.resource))
            .expression_attribute_values(":turn", text(Turn::of(wait).to_string()))
    }
}

impl<Extra> QueueCopies for Aws<Extra> {
    async fn queue_copy(&self, wait: &Wait, since: Timestamp) -> Result<Written, PortError> {
        let before = Phase::ALL.into_iter();
        let before = before.filter(|phase| phase.may_become(Phase::Queued));
        let names: Vec<String> = before.map(|phase| format!(":{}", phase.as_str())).collect();
        let condition = format!("#phase IN ({})", names.join(", "));
        let mut request = self
            .update_of_place(wait, &condition)
            .update_expression(
                "SET #phase = :queued, #since = :since, #queue = :queue, #turn = :turn",
            )
            .expression_attribute_values(":since", time(since));
        for name in names {
            let phase = name.trim_start_matches(':').to_owned();
            request = request.expression_attribute_values(name, text(phase));
        }
        written(request, &wait.command.token).await
    }

    async fn give_turn(&self, wait: &Wait) -> Result<Written, PortError> {
        let request = self
            .update_of_place(wait, "#phase = :queued AND #since = :since")
            .update_expression("SET #queue = :queue, #turn = :turn")
            .expression_attribute_values(":queued", text(Phase::Queued.as_str()))
            .expression_attribute_values(":since", time(wait.since));
        written(request, &wait.command.token).await
    }
}

fn read(item: &Item) -> Result<QueuedCopy, ItemError> {
    let turn = Turn::parse(items::get_text(item, TURN)?);
    Ok(QueuedCopy {
        turn: turn.ok_or_else(|| ItemError::new(TURN, "a place in the queue"))?,
        copy: items::resource_of_key(item)?,
    })
}

impl<Extra> ListQueue for Aws<Extra> {
    async fn list_queue(
        &self,
        family: Family,
        marker: Option<String>,
    ) -> Result<Page<QueuedCopy>, PortError> {
        let of_family = items::queue_of_family(family);
        let (rows, next) = self.query_index(&INDEX, of_family, marker).await?;
        let rows = rows.iter().filter_map(|item| {
            let copy = read(item);
            copy.map_err(|fault| error!(item = key_of(item), error = %fault, "a queued copy that cannot be read"))
                .ok()
        });
        Ok(Page::new(rows.collect(), next))
    }
}
