//! What recovery points and their copies cost, in JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use super::orphans_json::in_cents;
use crate::domain::operator::cost::{MonthlyCost, MonthlyCosts};
use crate::domain::operator::prices::{self, Price};

/// What recovery points and their copies cost in a month at most.
#[derive(Debug, Serialize)]
pub(super) struct CostJson {
    prices: PricesJson,
    total: MonthlyCostJson,
    policies: BTreeMap<String, MonthlyCostJson>,
}

#[derive(Debug, Serialize)]
struct PricesJson {
    as_known_at: &'static str,
    region: &'static str,
    list: Vec<PriceJson>,
}

#[derive(Debug, Serialize)]
struct PriceJson {
    what: &'static str,
    dollars_per_gb: f64,
    page: &'static str,
    quoted_by: &'static str,
}

/// What is not known is null.
#[derive(Debug, Serialize)]
struct MonthlyCostJson {
    recovery_points: usize,
    gib: i64,
    recovery_points_of_unknown_cost: usize,
    storage_usd_a_month_at_most: Option<f64>,
    storage_of_newest_usd_a_month_at_most: Option<f64>,
    copied_databases: usize,
    databases_of_unknown_size: usize,
    transfer_gib_a_month_at_most: i64,
    transfer_usd_a_month_at_most: Option<f64>,
}

impl From<Price> for PriceJson {
    fn from(price: Price) -> Self {
        Self {
            what: price.what,
            dollars_per_gb: price.per_gb,
            page: price.page,
            quoted_by: price.quoted_by,
        }
    }
}

impl From<&MonthlyCost> for MonthlyCostJson {
    fn from(cost: &MonthlyCost) -> Self {
        Self {
            recovery_points: cost.stored.count,
            gib: cost.stored.gib(),
            recovery_points_of_unknown_cost: cost.stored.unpriced,
            storage_usd_a_month_at_most: cost.storage().map(in_cents),
            storage_of_newest_usd_a_month_at_most: cost.storage_of_newest().map(in_cents),
            copied_databases: cost.copied,
            databases_of_unknown_size: cost.of_unknown_size,
            transfer_gib_a_month_at_most: cost.transfer_gib,
            transfer_usd_a_month_at_most: cost.transfer().map(in_cents),
        }
    }
}

impl From<&MonthlyCosts> for CostJson {
    fn from(costs: &MonthlyCosts) -> Self {
        let policies = costs.by_policy.iter();
        Self {
            prices: PricesJson {
                as_known_at: prices::AS_KNOWN_AT,
                region: prices::REGION,
                list: prices::OF_RECOVERY_POINTS.map(PriceJson::from).into(),
            },
            total: (&costs.total).into(),
            policies: policies
                .map(|(policy, cost)| (policy.to_string(), cost.into()))
                .collect(),
        }
    }
}
