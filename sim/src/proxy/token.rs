//! Finds task tokens, which are secrets, anywhere in a body.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

/// A task token. Anybody who has it can settle the task, so it has no `Display`, and its `Debug` hides it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token(String);

impl Token {
    /// A token with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The token itself, for searching places where it must not be.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(redacted)")
    }
}

/// How deep to follow JSON text inside JSON text. A message body in a request is one level.
const NESTING_MAX: u8 = 3;

/// Every token in a body: the text under a key such as `token`, `taskToken` or `:token`, plain or as
/// a DynamoDB string, also where the body holds JSON as text.
pub(super) fn tokens_in(body: &[u8], found: &mut BTreeSet<Token>) {
    // Most bodies have no token, so do not parse them.
    if !body.windows(4).any(|part| part == b"oken") {
        return;
    }
    if let Ok(value) = serde_json::from_slice(body) {
        collect(&value, NESTING_MAX, found);
    }
}

fn collect(value: &Value, depth: u8, found: &mut BTreeSet<Token>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                match text_of(member) {
                    Some(text) if names_a_task_token(key) => {
                        found.insert(Token::new(text));
                    }
                    _ => collect(member, depth, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, depth, found)),
        Value::String(text) if depth > 0 && text.starts_with(['{', '[']) => {
            if let Ok(inner) = serde_json::from_str(text) {
                collect(&inner, depth - 1, found);
            }
        }
        _ => {}
    }
}

/// Only whole names count: `nextToken` and `clientRequestToken` are other things. The value of `#token` in an expression's
/// names is the name of an attribute.
fn names_a_task_token(key: &str) -> bool {
    let name = key.trim_start_matches(':').to_ascii_lowercase();
    matches!(name.as_str(), "token" | "tasktoken" | "task_token")
}

fn text_of(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text.as_str()),
        Value::Object(members) if members.len() == 1 => members.get("S")?.as_str(),
        _ => None,
    }
    .filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(body: &str) -> Vec<String> {
        let mut tokens = BTreeSet::new();
        tokens_in(body.as_bytes(), &mut tokens);
        tokens
            .iter()
            .map(|token| token.expose().to_owned())
            .collect()
    }

    #[test]
    fn a_token_is_found_in_each_place_it_travels_in() {
        assert_eq!(found(r#"{"taskToken":"a","output":"{}"}"#), ["a"]);
        assert_eq!(
            found(r#"{"QueueUrl":"q","MessageBody":"{\"token\":\"b\",\"step\":\"copy\"}"}"#),
            ["b"]
        );
        assert_eq!(
            found(
                r#"{"Item":{"pk":{"S":"x"},"token":{"S":"c"}},"ExpressionAttributeValues":{":token":{"S":"d"}}}"#
            ),
            ["c", "d"]
        );
    }

    #[test]
    fn page_tokens_and_expression_names_are_not_task_tokens() {
        assert!(found(r##"{"nextToken":"a","ClientRequestToken":"b"}"##).is_empty());
        assert!(found(r##"{"ExpressionAttributeNames":{"#token":"token"}}"##).is_empty());
        assert!(found("not json, but a token").is_empty());
    }

    #[test]
    fn a_token_is_not_shown_by_debug() {
        assert_eq!(format!("{:?}", Token::new("secret")), "Token(redacted)");
    }
}
