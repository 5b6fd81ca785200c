//! The query protocol's form: flat keys that spell out lists with dots and numbers.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::fault::WireFault;
use crate::rds::RdsFault;

/// The parameters of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Form(BTreeMap<String, String>);

impl Form {
    /// Reads form data, percent-encoded UTF-8.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, WireFault> {
        if !is_percent_encoded_utf8(bytes) {
            let problem = "it is not percent-encoded UTF-8".to_owned();
            return Err(WireFault::MalformedQueryString(problem));
        }
        let mut parameters = BTreeMap::new();
        for (key, value) in form_urlencoded::parse(bytes) {
            if parameters
                .insert(key.to_string(), value.into_owned())
                .is_some()
            {
                let problem = format!("{key} is there twice");
                return Err(WireFault::MalformedQueryString(problem));
            }
        }
        Ok(Self(parameters))
    }

    /// Adds the parameters of another form, which must not name any of these.
    pub(super) fn join(&mut self, other: Self) -> Result<(), WireFault> {
        for (key, value) in other.0 {
            if self.0.contains_key(&key) {
                return Err(WireFault::MalformedQueryString(format!(
                    "{key} is there twice"
                )));
            }
            self.0.insert(key, value);
        }
        Ok(())
    }

    /// Every parameter and its value.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// A parameter that may be absent; one that is there but empty counts as absent.
    pub(super) fn optional(&self, key: &str) -> Option<String> {
        self.get(key)
            .filter(|value| !value.is_empty())
            .map(str::to_owned)
    }

    pub(super) fn required(&self, key: &str) -> Result<String, RdsFault> {
        let value = self.get(key).map(str::to_owned);
        value.ok_or_else(|| RdsFault::MissingParameter(key.to_owned()))
    }

    pub(super) fn integer(&self, key: &str) -> Result<Option<i64>, RdsFault> {
        let Some(text) = self.get(key) else {
            return Ok(None);
        };
        let wrong = |_| invalid(format!("{text} is not a valid integer for {key}."));
        text.parse().map(Some).map_err(wrong)
    }

    pub(super) fn time(&self, key: &str) -> Result<Option<Timestamp>, RdsFault> {
        let Some(text) = self.get(key) else {
            return Ok(None);
        };
        let wrong = |_| invalid(format!("{text} is not a valid time for {key}."));
        text.parse().map(Some).map_err(wrong)
    }

    pub(super) fn boolean(&self, key: &str) -> Result<bool, RdsFault> {
        match self.get(key) {
            None => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(text) => Err(invalid(format!("{text} is not a valid boolean for {key}."))),
        }
    }

    /// The members of a list in the order of their numbers: for `Tags.Tag.1.Key`, `list` is
    /// `Tags` and `member` is `Tag`. Generic clients write `member` for any list's members, and
    /// RDS takes that as well.
    pub(super) fn list(&self, list: &str, member: &str) -> Result<Vec<Member<'_>>, RdsFault> {
        let mut members: BTreeMap<u32, Member<'_>> = BTreeMap::new();
        let prefix = format!("{list}.");
        for (key, value) in self.0.range(prefix.clone()..) {
            let Some(rest) = key.strip_prefix(&prefix) else {
                break;
            };
            let mut parts = rest.splitn(3, '.');
            let name = parts.next().unwrap_or_default();
            let number = parts.next().and_then(|number| number.parse().ok());
            let (true, Some(number)) = (name == member || name == "member", number) else {
                return Err(invalid(format!("{key} is not a parameter of this action.")));
            };
            let field = parts.next().unwrap_or_default();
            members.entry(number).or_default().0.insert(field, value);
        }
        Ok(members.into_values().collect())
    }
}

/// One member of a list: its fields, or just a value, whose field name is empty.
#[derive(Debug, Default)]
pub(super) struct Member<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Member<'a> {
    pub(super) fn field(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).copied()
    }

    /// A list inside this member: for `Values.Value.1`, `list` is `Values`.
    pub(super) fn values(&self, list: &str, member: &str) -> Result<Vec<String>, RdsFault> {
        let owned = |(key, value): (&&str, &&str)| (key.to_string(), value.to_string());
        let inner = Form(self.0.iter().map(owned).collect());
        let members = inner.list(list, member)?;
        Ok(members
            .iter()
            .filter_map(|value| value.field(""))
            .map(str::to_owned)
            .collect())
    }
}

/// The decoder replaces what is no UTF-8 instead of refusing it, so this asks beforehand.
fn is_percent_encoded_utf8(bytes: &[u8]) -> bool {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(&byte) = rest.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digit = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16));
        let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else {
            return false;
        };
        decoded.push((high * 16 + low) as u8);
    }
    std::str::from_utf8(&decoded).is_ok()
}

fn invalid(message: String) -> RdsFault {
    RdsFault::InvalidParameterValue(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_in_the_order_of_their_numbers() {
        let form = Form::read(
            b"Filters.Filter.1.Name=db-snapshot-id&Filters.Filter.1.Values.Value.10=j\
              &Filters.Filter.1.Values.Value.2=b&Filters.Filter.1.Values.Value.1=a",
        )
        .unwrap();
        let filters = form.list("Filters", "Filter").unwrap();
        assert_eq!(filters.len(), 1);
        assert_eq!(filters[0].field("Name"), Some("db-snapshot-id"));
        assert_eq!(
            filters[0].values("Values", "Value").unwrap(),
            ["a", "b", "j"]
        );
    }

    #[test]
    fn a_list_with_a_strange_key_is_refused() {
        for body in [
            "Tags.Tag.x.Key=a",
            "Tags.Label.1.Key=a",
            "Tags.Tag=a",
            "Tags.=a",
        ] {
            let form = Form::read(body.as_bytes()).unwrap();
            let fault = form.list("Tags", "Tag").unwrap_err();
            assert_eq!(fault.code(), "InvalidParameterValue", "{body}");
        }
    }

    #[test]
    fn what_is_not_a_form_is_refused() {
        for body in [&b"a=%zz"[..], b"a=%", b"a=\xff", b"a=%ff", b"a=1&a=2"] {
            assert_eq!(
                Form::read(body).unwrap_err().code(),
                "MalformedQueryString",
                "{body:?}"
            );
        }
    }
}
