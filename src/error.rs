//! Shows errors.

/// What separates an error from its source.
const SEPARATOR: &str = ": ";

/// An error with all its sources, in one line. A text that several of them have appears once.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        add(&mut text, &cause.to_string());
        source = cause.source();
    }
    text
}

/// Adds a source's text, except for the beginning that the text already ends with.
fn add(text: &mut String, cause: &str) {
    let beginnings = text
        .match_indices(SEPARATOR)
        .map(|(at, _)| at + SEPARATOR.len());
    let ends = std::iter::once(0).chain(beginnings).map(|at| &text[at..]);
    let mut new = ends.filter_map(|end| {
        let rest = cause.strip_prefix(end)?;
        let is_whole = !rest.starts_with(char::is_alphanumeric);
        is_whole.then_some(rest)
    });
    match new.next() {
        Some(rest) => {
            let rest = rest.to_owned();
            text.push_str(&rest);
        }
        None => {
            text.push_str(SEPARATOR);
            text.push_str(cause);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::chain;

    #[derive(Debug)]
    struct Wrapped(&'static str, Option<Box<Wrapped>>);

    impl std::fmt::Display for Wrapped {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.0)
        }
    }

    impl std::error::Error for Wrapped {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            self.1.as_deref().map(|inner| inner as _)
        }
    }

    fn said(texts: &[&'static str]) -> String {
        let inner_first = texts.iter().rev();
        let wrapped = inner_first.fold(None, |inner, text| Some(Box::new(Wrapped(text, inner))));
        chain(&*wrapped.unwrap())
    }

    #[test]
    fn each_source_follows_what_it_caused() {
        assert_eq!(
            said(&["a call failed", "no route"]),
            "a call failed: no route"
        );
        assert_eq!(said(&["no", "not found"]), "no: not found");
    }

    #[test]
    fn a_text_that_a_source_repeats_stands_there_once() {
        assert_eq!(
            said(&["io error: refused", "refused", "refused"]),
            "io error: refused"
        );
        assert_eq!(
            said(&[
                "DescribeDBInstances: Denied: not allowed",
                "not allowed (HTTP 403)"
            ]),
            "DescribeDBInstances: Denied: not allowed (HTTP 403)"
        );
        assert_eq!(said(&["a: b: c", "b: c: d"]), "a: b: c: d");
    }
}
