//! Calls the RDS service with the real SDK, which checks it against botocore's model.

use snapferry_sim::rds::{ClusterSpec, DbOption, InstanceSpec, OptionGroup};
use snapferry_sim::rds_http::RdsService;

use super::moto::python;
use super::service::{HOME_KEY, SOURCE, SOURCE_KEY, instant, region, run_script, serve, world};

/// The primary cluster of a global database, whose secondary stands in the source region.
const PRIMARY: &str = "arn:aws:rds:us-east-1:123456789012:cluster:world";

/// Runs the script, which fails loudly itself, and returns the figures it prints.
async fn by_sdk(service: &RdsService, home_key: &str) -> anyhow::Result<serde_json::Value> {
    run_script(python()?, "by_sdk.py", service, home_key).await
}

#[tokio::test]
async fn the_real_sdk_understands_every_answer() -> anyhow::Result<()> {
    let mut config = instant();
    config.manual_snapshot_quota = 60;
    let mut rds = world(config);
    for number in 0..45 {
        let spec = InstanceSpec::postgres(format!("db-{number}"));
        rds.add_instance(&region(SOURCE), spec)?;
    }
    let mut shop = ClusterSpec::aurora("shop");
    shop.kms_key = Some(SOURCE_KEY.to_owned());
    let mut secondary = ClusterSpec::aurora("world");
    secondary.aws_owned_key = true;
    secondary.global_cluster = Some("planet".to_owned());
    secondary.replication_source = Some(PRIMARY.to_owned());
    secondary.clone_group = Some("clones".to_owned());
    for spec in [
        shop,
        ClusterSpec::multi_az("trio"),
        secondary,
        ClusterSpec::docdb("papers"),
        ClusterSpec::neptune("graph"),
    ] {
        rds.add_cluster(&region(SOURCE), spec)?;
    }
    let mut replica = InstanceSpec::postgres("orders-replica");
    replica.replica_of = Some("orders".to_owned());
    let mut factory = InstanceSpec::postgres("factory");
    factory.engine = "sqlserver-se".to_owned();
    factory.backup_target = "outposts".to_owned();
    factory.timezone = Some("GMT Standard Time".to_owned());
    factory.domain = Some("d-0123456789".to_owned());
    factory.option_group = "books".to_owned();
    for spec in [replica, factory] {
        rds.add_instance(&region(SOURCE), spec)?;
    }
    let tde = DbOption {
        name: "TDE".to_owned(),
        is_persistent: true,
    };
    let group = OptionGroup {
        name: "books".to_owned(),
        engine: "sqlserver-se".to_owned(),
        major_version: "16.00".to_owned(),
        options: vec![tde],
    };
    rds.add_option_group(&region(SOURCE), group);
    let (service, _events) = serve(rds, 1.0).await?;
    let figures = by_sdk(&service, HOME_KEY).await?;
    // 45 snapshots in pages of 20; the model's truth is the measure.
    assert_eq!(figures["pages"], 3);
    // The script makes some more after it has listed.
    let model = service.model();
    let then = model
        .snapshots(&region(SOURCE))
        .filter(|s| !s.name.starts_with("more-"));
    let truth: Vec<String> = then.map(|snapshot| snapshot.name.clone()).collect();

    assert_eq!(figures["listed"], serde_json::json!(truth));
    assert_eq!(
        service.counts().sum(|call| call.app != "snapferry-sdk"),
        0,
        "the app id is seen"
    );
    Ok(())
}
