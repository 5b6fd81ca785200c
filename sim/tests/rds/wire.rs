//! What the RDS service promises on the wire.

use anyhow::Context;
use axum::body::Bytes;
use http_body_util::Full;
use hyper::Request;

use super::service::{HOME, SOURCE, authorization, call, config, instant, send, serve, world};

#[tokio::test]
async fn a_snapshot_is_copied_and_its_events_arrive() -> anyhow::Result<()> {
    let (service, mut events) = serve(world(instant()), 1.0).await?;
    let url = service.url();
    let pairs = [
        ("Action", "CreateDBSnapshot"),
        ("DBSnapshotIdentifier", "s1"),
        ("DBInstanceIdentifier", "orders"),
        ("Tags.Tag.1.Key", "snapferry:run"),
        ("Tags.Tag.1.Value", "a & <b>"),
    ];
    // The tag's value is not allowed; the message must come back as well-formed XML all the same.
    let refused = call(&url, SOURCE, &pairs).await?;
    assert_eq!(
        (refused.status, refused.outcome()?.as_str()),
        (400, "InvalidParameterValue")
    );
    let created = call(&url, SOURCE, &pairs[..3]).await?;
    assert_eq!(created.status, 200, "{}", created.body);
    assert!(
        created
            .body
            .contains("xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"")
    );
    let shape = created.shape()?;
    let snapshot = "CreateDBSnapshotResponse/CreateDBSnapshotResult/DBSnapshot";
    assert_eq!(shape.0[&format!("{snapshot}/DBSnapshotIdentifier")], ["s1"]);
    assert_eq!(
        shape.0["CreateDBSnapshotResponse/ResponseMetadata/RequestId"].len(),
        1
    );

    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(
            events
                .recv()
                .await
                .context("the service has ended")?
                .event_id,
        );
    }
    let arn = shape.first("DBSnapshotArn").context("no ARN")?;
    let copy = [
        ("Action", "CopyDBSnapshot"),
        ("SourceDBSnapshotIdentifier", arn),
        ("TargetDBSnapshotIdentifier", "c1"),
        ("CopyTags", "true"),
    ];
    let copied = call(&url, HOME, &copy).await?;
    assert_eq!(copied.status, 200, "{}", copied.body);
    assert_eq!(copied.shape()?.first("SourceRegion"), Some(SOURCE));
    for _ in 0..2 {
        let event = events.recv().await.context("the service has ended")?;
        assert_eq!(event.region.as_str(), HOME);
        ids.push(event.event_id);
    }
    assert_eq!(
        ids,
        [
            "RDS-EVENT-0040",
            "RDS-EVENT-0042",
            "RDS-EVENT-0059",
            "RDS-EVENT-0060"
        ]
    );
    service.shutdown().await
}

#[tokio::test]
async fn calls_are_counted_by_operation_region_app_and_error() -> anyhow::Result<()> {
    let (service, _events) = serve(world(config()), 1.0).await?;
    let url = service.url();
    call(&url, SOURCE, &[("Action", "DescribeDBInstances")]).await?;
    call(&url, SOURCE, &[("Action", "DescribeDBInstances")]).await?;
    let none = [
        ("Action", "DescribeDBInstances"),
        ("DBInstanceIdentifier", "none"),
    ];
    call(&url, HOME, &none).await?;
    send(Request::get(&url).body(Full::default())?).await?;

    let counts = service.counts();
    let told: Vec<_> = counts
        .iter()
        .map(|(call, times)| {
            let error = call.error.as_deref().unwrap_or("-");
            format!(
                "{} {} {} {error} {times}",
                call.operation, call.region, call.app
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "  unknown MissingAuthenticationToken 1",
            "DescribeDBInstances eu-central-1 snapferry-test DBInstanceNotFound 1",
            "DescribeDBInstances eu-west-1 snapferry-test - 2",
        ]
    );
    assert_eq!(counts.of("DescribeDBInstances"), 3);
    Ok(())
}

#[tokio::test]
async fn the_region_is_the_one_the_call_is_signed_for() -> anyhow::Result<()> {
    let (service, _events) = serve(world(config()), 1.0).await?;
    let list = [("Action", "DescribeDBInstances")];
    let here = call(&service.url(), SOURCE, &list).await?.shape()?;
    assert_eq!(here.all("DBInstanceIdentifier"), ["orders", "secret"]);
    assert_eq!(here.all("DBSubnetGroupName").len(), 2);
    let there = call(&service.url(), HOME, &list).await?.shape()?;
    assert!(there.all("DBInstanceIdentifier").is_empty());
    Ok(())
}

#[tokio::test]
async fn a_call_may_come_as_a_query() -> anyhow::Result<()> {
    let (service, _events) = serve(world(config()), 1.0).await?;
    let query = format!(
        "{}/?Action=DescribeDBInstances&Version=2014-10-31",
        service.url()
    );
    let request = Request::get(query).header("authorization", authorization(SOURCE));
    let reply = send(request.body(Full::default())?).await?;
    assert_eq!(reply.shape()?.all("DBInstanceArn").len(), 2);
    Ok(())
}

#[tokio::test]
async fn what_is_no_proper_call_is_answered_with_the_proper_error() -> anyhow::Result<()> {
    let (service, _events) = serve(world(config()), 1.0).await?;
    let url = service.url();
    let post = |body: &'static [u8]| {
        Request::post(&url)
            .header("authorization", authorization(SOURCE))
            .body(Full::new(Bytes::from_static(body)))
    };
    let cases: [(&'static [u8], u16, &str); 11] = [
        (b"", 400, "MissingAction"),
        (b"Action=DescribeDBInstances", 400, "MissingParameter"),
        (
            b"Action=DescribeDBInstances&Version=2012-01-01",
            400,
            "InvalidAction",
        ),
        (
            b"Action=StartDBInstance&Version=2014-10-31",
            400,
            "InvalidAction",
        ),
        (
            b"Action=CreateDBSnapshot&Version=2014-10-31",
            400,
            "MissingParameter",
        ),
        (
            b"Action=%ff&Version=2014-10-31",
            404,
            "MalformedQueryString",
        ),
        (b"Action=%zz", 404, "MalformedQueryString"),
        (
            b"Action=DescribeDBSnapshots&Version=2014-10-31&MaxRecords=x",
            400,
            "InvalidParameterValue",
        ),
        (
            b"Action=DescribeDBSnapshots&Version=2014-10-31&Filters.Filter.1.Values.Value.1=x",
            400,
            "MissingParameter",
        ),
        (
            b"Action=DescribeDBSnapshots&Version=2014-10-31&DBSnapshotIdentifier=%01%EF%BF%BE",
            404,
            "DBSnapshotNotFound",
        ),
        (
            b"Action=CopyDBSnapshot&Version=2014-10-31&SourceDBSnapshotIdentifier=a\
           &TargetDBSnapshotIdentifier=b&CopyTags=perhaps",
            400,
            "InvalidParameterValue",
        ),
    ];
    for (body, status, code) in cases {
        let reply = send(post(body)?).await?;
        let asked = String::from_utf8_lossy(body);
        assert_eq!(
            (reply.status, reply.outcome()?.as_str()),
            (status, code),
            "{asked}"
        );
        assert_eq!(reply.shape()?.first("Type"), Some("Sender"));
        assert_eq!(reply.shape()?.0["ErrorResponse/RequestId"].len(), 1);
    }
    let other_path = Request::post(format!("{url}/x")).body(Full::default())?;
    assert_eq!(send(other_path).await?.outcome()?, "InvalidAction");
    let unsigned = Request::post(&url).body(Full::new(Bytes::from_static(cases[2].0)))?;
    let reply = send(unsigned).await?;
    assert_eq!(
        (reply.status, reply.outcome()?.as_str()),
        (403, "MissingAuthenticationToken")
    );
    let too_long = vec![b'a'; 3 << 20];
    let reply = send(
        Request::post(&url)
            .header("authorization", authorization(SOURCE))
            .body(Full::new(Bytes::from(too_long)))?,
    )
    .await?;
    assert_eq!(reply.outcome()?, "MalformedQueryString");
    Ok(())
}
