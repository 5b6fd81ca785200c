//! What the simulated RDS promises, and what others say that RDS is like.

mod against_moto;
mod automated;
mod by_sdk;
mod clusters;
mod clusters_against_moto;
mod copies;
mod events;
mod fault_list;
mod faults;
mod interference;
mod listing;
mod model;
mod moto;
mod service;
mod snapshots;
mod tags;
mod wire;
