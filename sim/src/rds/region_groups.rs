//! The groups of a region that a restored database needs: subnet groups with their security groups, and parameter groups.

use super::engine::major_version;
use super::names::Region;
use super::region::RegionState;
use super::{Rds, RdsFault};

/// How the names of the parameter groups begin that every region has.
pub(super) const DEFAULT_PARAMETERS: &str = "default.";
/// The subnet group of the default VPC.
const DEFAULT_SUBNETS: &str = "default";

/// A subnet group of one region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubnetGroup {
    /// DBSubnetGroupName.
    pub name: String,
    /// VpcId.
    pub vpc_id: String,
    /// Its subnets.
    pub subnets: Vec<String>,
    /// The security groups of its VPC. The first is the VPC's default one.
    pub security_groups: Vec<String>,
}

impl SubnetGroup {
    /// The subnet group of a region's default VPC.
    pub fn of_default_vpc() -> Self {
        Self {
            name: DEFAULT_SUBNETS.to_owned(),
            vpc_id: "vpc-default".to_owned(),
            subnets: vec!["subnet-d1".to_owned(), "subnet-d2".to_owned()],
            security_groups: vec!["sg-default".to_owned()],
        }
    }
}

impl Rds {
    /// Makes a subnet group known in a region. A region has none by itself, not even a default VPC's.
    pub fn add_subnet_group(&mut self, region: &Region, group: SubnetGroup) {
        let groups = &mut self.region_mut(region).subnet_groups;
        groups.insert(group.name.to_ascii_lowercase(), group);
    }

    /// Makes a parameter group known in a region, for instances or for clusters.
    pub fn add_parameter_group(&mut self, region: &Region, name: &str) {
        let groups = &mut self.region_mut(region).parameter_groups;
        groups.insert(name.to_ascii_lowercase());
    }
}

impl Rds {
    /// Takes a parameter group away.
    pub fn remove_parameter_group(&mut self, region: &Region, name: &str) {
        let groups = &mut self.region_mut(region).parameter_groups;
        groups.remove(&name.to_ascii_lowercase());
    }
}

impl RegionState {
    /// The subnet group that a call names, or else that of the default VPC.
    pub(super) fn subnet_group(&self, named: Option<&str>) -> Result<&SubnetGroup, RdsFault> {
        let name = named.unwrap_or(DEFAULT_SUBNETS).to_ascii_lowercase();
        self.subnet_groups.get(&name).ok_or_else(|| match named {
            Some(name) => RdsFault::other(
                "DBSubnetGroupNotFoundFault",
                404,
                format!("DB subnet group '{name}' does not exist."),
            ),
            None => RdsFault::other(
                "InvalidSubnet",
                400,
                "No default subnet detected in VPC. Please contact AWS Support to recreate the default Subnets."
                    .to_owned(),
            ),
        })
    }

    /// Refuses a parameter group that the region does not have.
    pub(super) fn has_parameter_group(
        &self,
        code: &'static str,
        named: Option<&str>,
    ) -> Result<(), RdsFault> {
        let Some(name) = named.map(str::to_ascii_lowercase) else {
            return Ok(());
        };
        if name.starts_with(DEFAULT_PARAMETERS) || self.parameter_groups.contains(&name) {
            return Ok(());
        }
        let message = format!("DBParameterGroup not found: {name}");
        Err(RdsFault::other(code, 404, message))
    }
}

/// The security groups that a call names, if they belong to the VPC, or else the VPC's default one.
pub(super) fn security_groups(
    of: &SubnetGroup,
    named: Option<Vec<String>>,
) -> Result<Vec<String>, RdsFault> {
    let Some(named) = named else {
        return Ok(of.security_groups.first().cloned().into_iter().collect());
    };
    for group in &named {
        if !of.security_groups.contains(group) {
            return Err(RdsFault::InvalidParameterCombination(format!(
                "The DB instance and EC2 security group are in different VPCs. The DB instance is in {} and the EC2 \
                 security group {group} is in another VPC",
                of.vpc_id
            )));
        }
    }
    Ok(named)
}

/// The parameter group that a database has unless another is named.
pub fn default_parameter_group(engine: &str, version: &str) -> String {
    let major = major_version(engine, version);
    let dash = if engine.starts_with("sqlserver") || engine.starts_with("oracle") {
        "-"
    } else {
        ""
    };
    format!("{DEFAULT_PARAMETERS}{engine}{dash}{major}")
}
