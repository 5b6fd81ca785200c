//! The table: each write with the condition that the adapter over DynamoDB writes it under.

mod catalog;
mod catalog_entry;
mod configuration_items;
mod configurations;
mod drills;
mod index;
mod index_lag;
mod items;
mod milliseconds;
mod restores;
mod retention;
mod retention_items;
mod selected;
mod slot_writes;
mod slots;

pub use catalog_entry::CatalogEntry;
pub use configuration_items::ConfigurationItems;
pub use items::Table;
pub use milliseconds::in_milliseconds;
pub use retention_items::RetentionItems;
pub use slots::Slots;
