//! What the simulated RDS promises, and comparisons with other descriptions of RDS.

mod against_moto;
mod automated;
mod by_sdk;
mod by_tools;
mod clusters;
mod clusters_against_moto;
mod copies;
mod creations;
mod deletion;
mod event_log;
mod events;
mod fault_list;
mod faults;
mod interference;
mod kinds;
mod listing;
mod model;
mod moto;
mod option_groups;
mod restores;
mod restores_by_tools;
mod service;
mod sharing;
mod snapshots;
mod tags;
mod wire;
