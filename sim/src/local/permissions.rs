//! Takes permissions out of the template's roles, or puts some in, to see what a run makes of it.

use std::str::FromStr;

use serde_norway::{Mapping, Value};

/// One action of one function's role, such as `worker=rds:CopyDBSnapshot`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// The role's name in the template, such as `WorkerRole`.
    role: String,
    action: String,
}

impl FromStr for Permission {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("{text} is not of the form worker=rds:CopyDBSnapshot");
        let (function, action) = text.split_once('=').ok_or_else(expected)?;
        let Some((first, rest)) = function.split_at_checked(1) else {
            return Err(expected());
        };
        if !action.contains(':') {
            return Err(expected());
        }
        Ok(Self {
            role: format!("{}{rest}Role", first.to_ascii_uppercase()),
            action: action.to_owned(),
        })
    }
}

/// How a run's roles differ from the template's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleChanges {
    /// What is taken out.
    pub without: Vec<Permission>,
    /// What is put in, on every resource.
    pub with: Vec<Permission>,
}

impl RoleChanges {
    /// Whether the template stays as it is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.without.is_empty() && self.with.is_empty()
    }

    /// The template with these changes.
    ///
    /// # Errors
    /// With a sentence, for a template that cannot be read, a role that it does not have, or a permission to take out
    /// that the role does not have.
    pub(super) fn apply(&self, template: &str) -> Result<String, String> {
        let mut template: Value = serde_norway::from_str(template).map_err(|e| e.to_string())?;
        for permission in &self.without {
            let statements = statements(&mut template, permission)?;
            let mut is_found = false;
            statements.retain_mut(|statement| {
                if statement.get("Effect").and_then(Value::as_str) != Some("Allow") {
                    return true;
                }
                let Some(action) = statement.get_mut("Action") else {
                    return true;
                };
                let is_it = |value: &Value| value.as_str() == Some(&permission.action);
                match action {
                    Value::Sequence(actions) => {
                        let before = actions.len();
                        actions.retain(|one| !is_it(one));
                        is_found |= actions.len() < before;
                        !actions.is_empty()
                    }
                    one => {
                        is_found |= is_it(one);
                        !is_it(one)
                    }
                }
            });
            if !is_found {
                let Permission { role, action } = permission;
                return Err(format!("{role} does not have the permission {action}"));
            }
        }
        for permission in &self.with {
            let statement = [
                ("Effect", "Allow"),
                ("Action", &permission.action),
                ("Resource", "*"),
            ];
            let pairs = statement.map(|(key, value)| (Value::from(key), Value::from(value)));
            let statement = Value::Mapping(Mapping::from_iter(pairs));
            statements(&mut template, permission)?.push(statement);
        }
        let text = serde_norway::to_string(&template).map_err(|error| error.to_string())?;
        Ok(quoted(&text))
    }
}

/// The text with quotes around the words that are truth values in YAML 1.1, which CloudFormation and AWS's command line
/// read. The writer follows YAML 1.2, in which `yes` and `no` are texts.
fn quoted(text: &str) -> String {
    let line = |line: &str| {
        let word = ["yes", "no", "on", "off"].into_iter().find_map(|word| {
            let start = line.strip_suffix(word)?;
            let is_whole = start.ends_with(": ") || start.ends_with("- ");
            is_whole.then(|| format!("{start}'{word}'\n"))
        });
        word.unwrap_or_else(|| format!("{line}\n"))
    };
    text.lines().map(line).collect()
}

/// The statements of the permission's role, which has one policy.
fn statements<'a>(
    template: &'a mut Value,
    permission: &Permission,
) -> Result<&'a mut Vec<Value>, String> {
    let role = &permission.role;
    let found = template
        .get_mut("Resources")
        .and_then(|resources| resources.get_mut(role)?.get_mut("Properties"))
        .and_then(|properties| properties.get_mut("Policies")?.get_mut(0))
        .and_then(|policy| policy.get_mut("PolicyDocument")?.get_mut("Statement"));
    match found {
        Some(Value::Sequence(statements)) => Ok(statements),
        _ => Err(format!("the template has no role {role} with a policy")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template() -> String {
        let root = super::super::repository_root().expect("the repository");
        std::fs::read_to_string(root.join("template.yaml")).expect("the template")
    }

    fn changed(without: &[&str], with: &[&str]) -> Result<String, String> {
        let all = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let changes = RoleChanges {
            without: all(without),
            with: all(with),
        };
        changes.apply(&template())
    }

    fn value(text: &str) -> Value {
        serde_norway::from_str(text).expect("YAML")
    }

    #[test]
    fn a_word_that_yaml_1_1_takes_for_a_truth_value_stays_a_text() {
        let text = changed(&["worker=rds:CopyDBSnapshot"], &[]).unwrap();
        let is_bare = |line: &str| {
            [": yes", "- yes", ": no", "- no"]
                .iter()
                .any(|end| line.ends_with(end))
        };
        let bare: Vec<&str> = text.lines().filter(|line| is_bare(line)).collect();
        assert_eq!(bare, [""; 0]);
        assert!(text.contains("- 'yes'"), "the template has such words");
    }

    #[test]
    fn a_permission_is_taken_out_and_everything_else_stays() {
        let text = changed(&["worker=rds:CopyDBSnapshot"], &[]).unwrap();
        let (mut was, mut is) = (value(&template()), value(&text));
        assert_ne!(was, is);
        let permission = "worker=rds:CopyDBSnapshot".parse().unwrap();
        for template in [&mut was, &mut is] {
            statements(template, &permission).unwrap().clear();
        }
        assert_eq!(was, is);
        assert!(text.contains("rds:CopyDBClusterSnapshot") && !text.contains("rds:CopyDBSnapshot"));
    }

    #[test]
    fn a_statement_without_actions_goes_and_a_permission_put_in_is_on_everything() {
        let text = changed(
            &["sweeper=dynamodb:Query"],
            &["worker=rds:DeleteDBSnapshot"],
        )
        .unwrap();
        let mut template = value(&text);
        let query = "sweeper=dynamodb:Query".parse().unwrap();
        let left = statements(&mut template, &query).unwrap();
        assert!(!left.is_empty());
        assert!(left.iter().all(|one| one["Sid"] != "FindOpenWaits"));
        let permission = "worker=rds:DeleteDBSnapshot".parse().unwrap();
        let last = statements(&mut template, &permission)
            .unwrap()
            .pop()
            .unwrap();
        assert_eq!(last["Action"], "rds:DeleteDBSnapshot");
        assert_eq!(last["Resource"], "*");
    }

    #[test]
    fn what_is_not_there_cannot_be_taken_out() {
        for (asked, said) in [
            (
                "worker=rds:DeleteDBSnapshot",
                "WorkerRole does not have the permission",
            ),
            ("janitor=rds:CopyDBSnapshot", "no role JanitorRole"),
        ] {
            let error = changed(&[asked], &[]).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        for text in ["worker", "=rds:CopyDBSnapshot", "worker=copy"] {
            assert!(text.parse::<Permission>().is_err(), "{text}");
        }
    }
}
