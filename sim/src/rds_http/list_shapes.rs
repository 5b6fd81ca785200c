//! The structures of AWS's service model for events and option groups, as far as this RDS fills them.

use serde::Serialize;

use crate::rds::{DbOption, EmittedEvent, OptionGroup, source_type, with_milliseconds};

#[derive(Serialize)]
pub(super) struct Events {
    #[serde(rename = "Event")]
    members: Vec<Event>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    source_identifier: String,
    source_type: &'static str,
    message: String,
    event_categories: EventCategories,
    date: String,
    source_arn: String,
}

#[derive(Serialize)]
struct EventCategories {
    #[serde(rename = "EventCategory")]
    members: Vec<&'static str>,
}

impl FromIterator<EmittedEvent> for Events {
    fn from_iter<I: IntoIterator<Item = EmittedEvent>>(items: I) -> Self {
        let member = |event: EmittedEvent| Event {
            source_type: source_type(&event),
            source_identifier: event.source_identifier,
            message: event.message,
            event_categories: EventCategories {
                members: event.categories,
            },
            date: with_milliseconds(event.date),
            source_arn: event.source_arn,
        };
        Self {
            members: items.into_iter().map(member).collect(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct OptionGroups {
    #[serde(rename = "OptionGroup")]
    members: Vec<Group>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Group {
    option_group_name: String,
    option_group_description: String,
    engine_name: String,
    major_engine_version: String,
    options: Options,
    allows_vpc_and_non_vpc_instance_memberships: bool,
}

#[derive(Serialize)]
struct Options {
    #[serde(rename = "Option")]
    members: Vec<GroupOption>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GroupOption {
    option_name: String,
    persistent: bool,
    permanent: bool,
}

impl From<DbOption> for GroupOption {
    fn from(option: DbOption) -> Self {
        Self {
            option_name: option.name,
            persistent: option.is_persistent,
            permanent: false,
        }
    }
}

impl FromIterator<OptionGroup> for OptionGroups {
    fn from_iter<I: IntoIterator<Item = OptionGroup>>(items: I) -> Self {
        let member = |group: OptionGroup| Group {
            option_group_description: group.name.clone(),
            option_group_name: group.name,
            engine_name: group.engine,
            major_engine_version: group.major_version,
            options: Options {
                members: group.options.into_iter().map(Into::into).collect(),
            },
            allows_vpc_and_non_vpc_instance_memberships: true,
        };
        Self {
            members: items.into_iter().map(member).collect(),
        }
    }
}
