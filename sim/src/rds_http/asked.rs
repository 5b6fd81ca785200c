//! What each call was about, by the names in it.

use std::collections::BTreeSet;

use super::form::Form;

/// One call, however it was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The operation, such as `CopyDBSnapshot`, as the caller spelt it.
    pub operation: String,
    /// The SDK's application id of who called; `unknown` without one.
    pub app: String,
    /// The identifiers of the snapshots that it names, without what precedes them in ARNs.
    pub snapshots: BTreeSet<String>,
    /// The identifiers of the instances and clusters that it names.
    pub databases: BTreeSet<String>,
    /// The resource ids that it names.
    pub resource_ids: BTreeSet<String>,
}

impl Asked {
    pub(super) fn of(form: &Form, app: String) -> Self {
        let mut asked = Self {
            operation: form.get("Action").unwrap_or_default().to_owned(),
            app,
            ..Self::default()
        };
        for (key, value) in form.iter() {
            if key.ends_with("SnapshotIdentifier") {
                asked.snapshots.insert(identifier(value));
            } else if matches!(key, "DBInstanceIdentifier" | "DBClusterIdentifier") {
                asked.databases.insert(identifier(value));
            }
        }
        // A list that cannot be read is refused, and names nothing.
        for filter in form.list("Filters", "Filter").unwrap_or_default() {
            let named = match filter.field("Name") {
                Some("db-snapshot-id" | "db-cluster-snapshot-id") => &mut asked.snapshots,
                Some("db-instance-id" | "db-cluster-id") => &mut asked.databases,
                Some("dbi-resource-id" | "db-cluster-resource-id") => &mut asked.resource_ids,
                _ => continue,
            };
            let values = filter.values("Values", "Value").unwrap_or_default();
            named.extend(values.iter().map(|value| identifier(value)));
        }
        asked
    }
}

/// The identifier, or the one at the end of an ARN. Only automated snapshots have a colon in theirs: it is cut to what
/// follows `rds:`.
fn identifier(name: &str) -> String {
    name.rsplit(':').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(form: &str) -> (Vec<String>, Vec<String>) {
        let form = Form::read(form.as_bytes()).expect("a form");
        let asked = Asked::of(&form, "snapferry-worker".to_owned());
        let [snapshots, databases] = [asked.snapshots, asked.databases].map(Vec::from_iter);
        (snapshots, databases)
    }

    fn names<const N: usize>(names: [&str; N]) -> Vec<String> {
        names.map(ToOwned::to_owned).into()
    }

    #[test]
    fn a_call_is_about_all_that_it_names() {
        assert_eq!(
            asked("Action=CreateDBSnapshot&DBSnapshotIdentifier=one&DBInstanceIdentifier=orders"),
            (names(["one"]), names(["orders"]))
        );
        assert_eq!(
            asked(
                "Action=CopyDBClusterSnapshot&TargetDBClusterSnapshotIdentifier=two\
                 &SourceDBClusterSnapshotIdentifier=arn:aws:rds:eu-west-1:123456789012:cluster-snapshot:one"
            ),
            (names(["one", "two"]), names([]))
        );
        assert_eq!(
            asked(
                "Action=DescribeDBSnapshots&Filters.Filter.1.Name=db-snapshot-id\
                 &Filters.Filter.1.Values.Value.1=one&Filters.Filter.1.Values.Value.2=two"
            ),
            (names(["one", "two"]), names([]))
        );
        assert_eq!(asked("Action=DescribeDBInstances"), (names([]), names([])));
    }
}
