//! Preflight's questions between the product's types and the simulated RDS.

use jiff::Timestamp;
use snapferry::domain::restore::preflight::{
    ClassOffer, EngineVersion, GroupKind, Quota, QuotaKind, Quotas,
};
use snapferry::ports::Page;

use crate::rds::{
    Answer, DescribeOptionGroups, GroupKind as ModelGroup, ListGroups, Offer, Paging, Rds,
    RdsFault, Region, Request,
};

/// The quotas that restores use up.
pub fn quotas(rds: &mut Rds, at: &Region, now: Timestamp) -> Quotas {
    let all = rds.describe_account_attributes(at, now);
    let known = all.into_iter().filter_map(|quota| {
        let mut kinds = QuotaKind::ALL.into_iter();
        let kind = kinds.find(|kind| kind.as_str() == quota.name)?;
        let number = |of| i64::try_from(of).unwrap_or(i64::MAX);
        let quota = Quota {
            used: number(quota.used),
            max: number(quota.max),
        };
        Some((kind, quota))
    });
    known.collect()
}

/// Whether new databases may have this version.
///
/// # Errors
/// As RDS.
pub fn offers_version(
    rds: &mut Rds,
    at: &Region,
    of: &EngineVersion,
    now: Timestamp,
) -> Result<bool, RdsFault> {
    let asked = Request::DescribeDbEngineVersions(offer(of, None));
    Ok(match rds.handle(at, asked, now)? {
        Answer::EngineVersions(offers) => !offers.is_empty(),
        _ => false,
    })
}

/// Whether new databases may have this class.
///
/// # Errors
/// As RDS.
pub fn offers_class(
    rds: &mut Rds,
    at: &Region,
    of: &ClassOffer,
    now: Timestamp,
) -> Result<bool, RdsFault> {
    let asked = Request::DescribeOrderableDbInstanceOptions(offer(&of.of, Some(&of.class)));
    Ok(match rds.handle(at, asked, now)? {
        Answer::OrderableOptions(offers) => !offers.is_empty(),
        _ => false,
    })
}

fn offer(of: &EngineVersion, class: Option<&str>) -> Offer {
    Offer {
        engine: of.engine.clone(),
        version: of.version.clone(),
        class: class.map(ToOwned::to_owned),
    }
}

/// A page of the names of a region's groups.
///
/// # Errors
/// As RDS.
pub fn groups(
    rds: &mut Rds,
    at: &Region,
    kind: GroupKind,
    paging: Paging,
    now: Timestamp,
) -> Result<Page<String>, RdsFault> {
    let kind = match kind {
        GroupKind::Subnets => ModelGroup::Subnets,
        GroupKind::Parameters => ModelGroup::Parameters,
        GroupKind::ClusterParameters => ModelGroup::ClusterParameters,
        GroupKind::Options => {
            let request = DescribeOptionGroups {
                paging,
                ..DescribeOptionGroups::default()
            };
            let page = rds.describe_option_groups(at, &request, now)?;
            let names = page.items.into_iter().map(|group| group.name);
            return Ok(Page::new(names.collect(), page.marker));
        }
    };
    let request = ListGroups {
        kind,
        name: None,
        paging,
    };
    let page = rds.list_groups(at, &request, now)?;
    Ok(Page::new(page.items, page.marker))
}
