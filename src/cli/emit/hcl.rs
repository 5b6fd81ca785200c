//! Writes HCL.

/// A text of HCL, in which nothing is a template.
pub(super) fn text(text: &str) -> String {
    let mut written = String::with_capacity(text.len() + 2);
    written.push('"');
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            '$' | '%' if letters.peek() == Some(&'{') => {
                written.push(letter);
                written.push(letter);
            }
            letter => written.push(letter),
        }
    }
    written.push('"');
    written
}

/// The name of a resource: letters, digits and underscores, beginning with a letter.
pub(super) fn name(identifier: &str) -> String {
    let name: String = identifier
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    match name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        true => name,
        false => format!("db_{name}"),
    }
}
