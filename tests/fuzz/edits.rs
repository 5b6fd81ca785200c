//! Edits that turn a text that is nearly right into one that is not, or into one that is right otherwise.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

/// One change of a text. Those of JSON leave other texts alone.
#[derive(Debug, Clone)]
enum Edit {
    /// It ends here.
    Cut(Index),
    /// So many characters are missing from here.
    Remove(Index, usize),
    /// Something stands in between.
    Insert(Index, String),
    /// Something stands at the beginning of an object, perhaps a key that follows again.
    Enter(Index, String),
    /// So many characters from here stand there several times.
    Repeat(Index, usize, usize),
    /// A value is another one.
    Put(Index, Value),
    /// A value is missing.
    Drop(Index),
    /// A value is what stands elsewhere.
    Copy(Index, Index),
    /// A text or key has one character more.
    Append(Index, char),
}

/// Saved texts with some edits, and now and then a text of no origin.
pub(crate) fn of(texts: Vec<String>) -> impl Strategy<Value = String> {
    let edited = (select(texts), prop::collection::vec(edit(), 0..5))
        .prop_map(|(text, edits)| edits.iter().fold(text, |text, edit| edit.apply(text)));
    prop_oneof![15 => edited, 1 => ".{0,80}"]
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    prop_oneof![
        1 => at().prop_map(Edit::Cut),
        2 => (at(), 1_usize..12).prop_map(|(at, length)| Edit::Remove(at, length)),
        3 => (at(), morsel()).prop_map(|(at, morsel)| Edit::Insert(at, morsel)),
        2 => (at(), member()).prop_map(|(at, member)| Edit::Enter(at, member)),
        1 => (at(), 1_usize..40, 2_usize..200)
            .prop_map(|(at, length, times)| Edit::Repeat(at, length, times)),
        8 => (at(), value()).prop_map(|(at, value)| Edit::Put(at, value)),
        2 => at().prop_map(Edit::Drop),
        6 => (at(), at()).prop_map(|(from, to)| Edit::Copy(from, to)),
        4 => (at(), character()).prop_map(|(at, character)| Edit::Append(at, character)),
    ]
}

fn character() -> impl Strategy<Value = char> {
    prop_oneof![
        select(vec![
            '\0', '\n', '\u{7f}', ' ', ':', '/', '#', 'é', '\u{feff}', '🦀'
        ]),
        any::<char>()
    ]
}

fn morsel() -> impl Strategy<Value = String> {
    let known = [
        "\0",
        "\u{feff}",
        "\\ud800",
        "\\u0000",
        "\"",
        "\\",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "true",
        "-",
        "-0",
        "1e999",
        "0.1",
        "18446744073709551616",
        "-9223372036854775809",
        "\r\n",
        "🦀",
        "NaN",
        "//",
        "'",
    ];
    prop_oneof![
        20 => select(known.map(str::to_owned).to_vec()),
        1 => Just("[".repeat(300)),
        1 => Just("{\"a\":".repeat(300)),
        1 => Just(format!("{}{}", "[".repeat(127), "]".repeat(127))),
        5 => any::<char>().prop_map(String::from),
    ]
}

fn member() -> impl Strategy<Value = String> {
    let keys = [
        "schema",
        "step",
        "token",
        "execution",
        "retry",
        "input",
        "database",
        "arn",
        "resource_id",
        "policy",
        "planned_at",
        "kms_key",
        "detail",
        "detail-type",
        "source",
        "SourceArn",
        "EventID",
        "Message",
        "snapshot",
        "engine",
        "size_gib",
        "taken_at",
        "pk",
        "S",
        "N",
        "unknown",
    ];
    (select(keys.to_vec()), value()).prop_map(|(key, value)| format!("{}:{value},", json!(key)))
}

/// Values of every type, among them right ones for another place.
fn value() -> impl Strategy<Value = Value> {
    let known = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.0),
        json!(4_294_967_296_u64),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1e300),
        json!(""),
        json!([]),
        json!({}),
        json!("snapshot"),
        json!("copy"),
        json!("Copy"),
        json!("aws.rds"),
        json!("RDS-EVENT-0042"),
        json!("RDS DB Cluster Snapshot Event"),
        json!("registered"),
        json!("arn:aws:rds:eu-west-1:111122223333:db:orders"),
        json!("arn:aws-cn:rds:cn-north-1:111122223333:cluster:c"),
        json!("arn:aws:rds:eu-west-1:111122223333:snapshot:rds:orders-2026-11-22-03-00"),
        json!("arn:aws:rds:eu-west-1:111122223333:cluster-snapshot:c-1"),
        json!("arn:aws:rds:eu-west-1:111122223333:snapshot:"),
        json!("arn:aws:kms:eu-central-1:111122223333:key/1"),
        json!("alias/recovery"),
        json!("arn:aws:states:eu-central-1:111122223333:execution:protect:sf-a"),
        json!("2026-11-22T03:00:00Z"),
        json!("2026-11-22T03:00:00+14:00"),
        json!("9999-12-30T22:00:00.999999999Z"),
        json!("-009999-01-02T01:59:59Z"),
        json!("0000-01-01T00:00:00Z"),
        json!("2016-12-31T23:59:60Z"),
        json!("9223372036854775807"),
        json!("-62135596800000"),
        json!("1e3"),
        json!("00"),
        json!("+1"),
        json!("x".repeat(3_000)),
        json!("é".repeat(1_025)),
        json!({"S": "x"}),
        json!({"N": "-1"}),
        json!({"M": {}}),
    ];
    prop_oneof![
        12 => select(known.to_vec()),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        2 => ".{0,24}".prop_map(Value::from),
        1 => "[a-zA-Z0-9:/_-]{1,70}".prop_map(Value::from),
    ]
}

impl Edit {
    fn apply(&self, mut text: String) -> String {
        match self {
            Self::Cut(at) => text.truncate(boundary(&text, *at)),
            Self::Remove(at, length) => {
                let (from, to) = span(&text, *at, *length);
                text.replace_range(from..to, "");
            }
            Self::Insert(at, morsel) => text.insert_str(boundary(&text, *at), morsel),
            Self::Enter(at, member) => {
                let opened: Vec<usize> = text.match_indices('{').map(|(at, _)| at + 1).collect();
                if !opened.is_empty() {
                    text.insert_str(*at.get(&opened), member);
                }
            }
            Self::Repeat(at, length, times) => {
                let (from, to) = span(&text, *at, *length);
                let again = text[from..to].repeat(*times);
                text.insert_str(to, &again);
            }
            Self::Put(..) | Self::Drop(_) | Self::Copy(..) | Self::Append(..) => {
                if let Ok(mut json) = serde_json::from_str(&text) {
                    self.apply_to_json(&mut json);
                    text = json.to_string();
                }
            }
        }
        text
    }

    fn apply_to_json(&self, json: &mut Value) {
        let places = places(json);
        let place = |at: &Index| places[at.index(places.len())].as_str();
        match self {
            Self::Put(at, value) => put(json, place(at), value.clone()),
            Self::Copy(from, to) => {
                let value = json.pointer(place(from)).cloned();
                put(json, place(to), value.unwrap_or_default());
            }
            Self::Drop(at) => {
                let Some((parent, key)) = place(at).rsplit_once('/') else {
                    return;
                };
                match json.pointer_mut(parent) {
                    Some(Value::Object(map)) => {
                        map.remove(&key.replace("~1", "/").replace("~0", "~"));
                    }
                    Some(Value::Array(list)) => {
                        if let Ok(index) = key.parse::<usize>() {
                            list.remove(index);
                        }
                    }
                    _ => {}
                }
            }
            Self::Append(at, character) => {
                if let Some(Value::String(text)) = json.pointer_mut(place(at)) {
                    text.push(*character);
                }
            }
            _ => {}
        }
    }
}

fn put(json: &mut Value, place: &str, value: Value) {
    if let Some(there) = json.pointer_mut(place) {
        *there = value;
    }
}

fn boundary(text: &str, at: Index) -> usize {
    text.floor_char_boundary(at.index(text.len() + 1))
}

fn span(text: &str, at: Index, length: usize) -> (usize, usize) {
    let from = boundary(text, at);
    (
        from,
        text.floor_char_boundary(from.saturating_add(length).min(text.len()))
            .max(from),
    )
}

/// Every place of a document, as JSON pointers; the whole of it is the first.
fn places(json: &Value) -> Vec<String> {
    fn walk(at: &str, json: &Value, found: &mut Vec<String>) {
        found.push(at.to_owned());
        match json {
            Value::Object(map) => {
                for (key, value) in map {
                    let key = key.replace('~', "~0").replace('/', "~1");
                    walk(&format!("{at}/{key}"), value, found);
                }
            }
            Value::Array(list) => {
                for (index, value) in list.iter().enumerate() {
                    walk(&format!("{at}/{index}"), value, found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk("", json, &mut found);
    found
}
