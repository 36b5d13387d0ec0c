//! Tells code, strings and comments of a Rust file apart, as far as the checks need it: the text is cut into three
//! texts of the same shape, so that a position is the same place in each.

/// A Rust file in layers. Each has every line break of the file; what belongs to another layer is blank.
pub(super) struct Lexed {
    /// Everything but comments and the contents of strings; also without `#[cfg(test)]` modules.
    pub(super) code: String,
    /// As `code`, with the test modules.
    pub(super) code_with_tests: String,
    /// Comments, doc comments included.
    pub(super) comments: String,
    /// Contents of string literals outside of test modules, with the line they start at.
    pub(super) strings: Vec<(usize, String)>,
}

pub(super) fn lex(text: &str) -> Lexed {
    let mut layers = Layers { code: String::new(), comments: String::new(), strings: Vec::new(), line: 1 };
    let mut rest = text;
    while let Some(length) = layers.take(rest) {
        rest = &rest[length..];
    }
    let code_with_tests = layers.code;
    let test_lines = test_modules(&code_with_tests);
    let is_test = |line: usize| test_lines.iter().any(|(first, last)| (*first..=*last).contains(&line));
    let code = code_with_tests
        .split_inclusive('\n')
        .enumerate()
        .map(|(index, line)| if is_test(index + 1) { "\n" } else { line });
    let code = code.collect();
    let strings = layers.strings.into_iter().filter(|(line, _)| !is_test(*line)).collect();
    Lexed { code, code_with_tests, comments: layers.comments, strings }
}

/// Lines (from 1) of a text that fulfil a condition.
pub(super) fn lines_where(text: &str, condition: impl Fn(&str) -> bool) -> Vec<usize> {
    text.lines().enumerate().filter(|(_, line)| condition(line)).map(|(index, _)| index + 1).collect()
}

/// Whether a text has the word, not as a part of a longer name.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(word).any(|(start, found)| {
        let before = text[..start].chars().next_back();
        let after = text[start + found.len()..].chars().next();
        !before.is_some_and(is_name) && !after.is_some_and(is_name)
    })
}

struct Layers {
    code: String,
    comments: String,
    strings: Vec<(usize, String)>,
    line: usize,
}

impl Layers {
    /// Takes the next piece and returns its length; nothing at the end.
    fn take(&mut self, rest: &str) -> Option<usize> {
        let first = rest.chars().next()?;
        if rest.starts_with("//") {
            return Some(self.comment(&rest[..rest.find('\n').unwrap_or(rest.len())]));
        }
        if rest.starts_with("/*") {
            return Some(self.comment(&rest[..block_comment_length(rest)]));
        }
        let after_name =
            self.code.chars().next_back().is_some_and(|last| last.is_alphanumeric() || last == '_');
        if let Some((open, close)) = string_delimiters(rest, after_name) {
            return Some(self.string(rest, &open, &close));
        }
        if first == '\'' {
            let length = character_length(rest);
            self.code.push_str(if length == 1 { "'" } else { "' '" });
            return Some(length);
        }
        self.put_code(first);
        Some(first.len_utf8())
    }

    fn put_code(&mut self, letter: char) {
        self.code.push(letter);
        self.comments.push(if letter == '\n' { '\n' } else { ' ' });
        self.line += usize::from(letter == '\n');
    }

    fn comment(&mut self, comment: &str) -> usize {
        self.comments.push_str(comment);
        self.blank(comment);
        comment.len()
    }

    fn string(&mut self, rest: &str, open: &str, close: &str) -> usize {
        let content = &rest[open.len()..];
        let length = string_content_length(content, close);
        self.strings.push((self.line, content[..length].to_owned()));
        self.code.push_str(open);
        self.blank(&content[..length]);
        self.code.push_str(close);
        for letter in content[..length].chars().filter(|letter| *letter == '\n') {
            self.comments.push(letter);
        }
        (open.len() + length + close.len()).min(rest.len())
    }

    /// Keeps the line breaks of what is not code.
    fn blank(&mut self, text: &str) {
        let breaks = text.matches('\n').count();
        self.code.extend(std::iter::repeat_n('\n', breaks));
        self.line += breaks;
    }
}

fn block_comment_length(rest: &str) -> usize {
    let (mut depth, mut position) = (0_usize, 0);
    while position < rest.len() {
        if rest[position..].starts_with("/*") {
            (depth, position) = (depth + 1, position + 2);
        } else if rest[position..].starts_with("*/") {
            (depth, position) = (depth - 1, position + 2);
            if depth == 0 {
                return position;
            }
        } else {
            position += rest[position..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// How a string literal that starts here opens and closes; after a name `r` and `b` are letters of that name.
fn string_delimiters(rest: &str, after_name: bool) -> Option<(String, String)> {
    let prefix_length =
        if after_name { 0 } else { rest.len() - rest.trim_start_matches(['b', 'c', 'r']).len() };
    let prefix = &rest[..prefix_length];
    if prefix.len() > 2 {
        return None;
    }
    let hashes = rest[prefix_length..].bytes().take_while(|byte| *byte == b'#').count();
    let quoted = rest[prefix_length + hashes..].starts_with('"');
    if !quoted || (hashes > 0 && !prefix.contains('r')) {
        return None;
    }
    let open = rest[..=prefix_length + hashes].to_owned();
    let close = format!("\"{}", "#".repeat(hashes));
    Some((open, close))
}

fn string_content_length(content: &str, close: &str) -> usize {
    // Raw strings with a hash end only there; plain ones have escapes. A raw string without a hash is treated as
    // plain: at worst a backslash before its end hides the rest of the line.
    if close.len() > 1 {
        return content.find(close).unwrap_or(content.len());
    }
    let mut letters = content.char_indices();
    while let Some((position, letter)) = letters.next() {
        match letter {
            '\\' => drop(letters.next()),
            '"' => return position,
            _ => {}
        }
    }
    content.len()
}

/// The length of a character literal, or 1 for a lifetime's apostrophe.
fn character_length(rest: &str) -> usize {
    let mut letters = rest.char_indices().skip(1);
    match letters.next() {
        Some((_, '\\')) => {
            let end = rest[2..].char_indices().skip(1).find(|(_, letter)| *letter == '\'');
            end.map_or(1, |(position, _)| position + 3)
        }
        Some(_) => match letters.next() {
            Some((position, '\'')) => position + 1,
            _ => 1,
        },
        None => 1,
    }
}

/// First and last line of each `#[cfg(test)]` module with a body.
fn test_modules(code: &str) -> Vec<(usize, usize)> {
    let line_of = |position: usize| code[..position].matches('\n').count() + 1;
    let starts = code.match_indices("#[cfg(test)]").map(|(start, _)| start);
    starts.filter_map(|start| Some((line_of(start), line_of(item_end(code, start)?)))).collect()
}

/// Where the braces of the item that starts here close, or its semicolon is.
fn item_end(code: &str, start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (position, letter) in code[start..].char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && matches!(letter, '}' | ';') {
            return Some(start + position);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "use a; // b\nlet c = \"d // e\"; /* f /* g */\nh */ let i = r#\"j \"k\" l\"#;\nlet m = '\"'; fn n<'o>() {}\n\
        let p = \"q\\\"r\";\n#[cfg(test)]\nmod tests {\n    fn s() { t(\"u}\"); }\n}\nlet v = b\"w\"; let xr = 1;\n";

    #[test]
    fn layers_are_told_apart() {
        let lexed = lex(FILE);
        let strings: Vec<_> = lexed.strings.iter().map(|(line, text)| (*line, text.as_str())).collect();
        assert_eq!(strings, [(2, "d // e"), (3, "j \"k\" l"), (5, "q\\\"r"), (10, "w")]);
        assert!(lexed.comments.contains("// b") && lexed.comments.contains("g */\nh */"));
        for hidden in ["d //", " b\n", "f /*", "j ", "q", "w\""] {
            assert!(!lexed.code.contains(hidden), "{hidden:?} in {}", lexed.code);
        }
        assert!(lexed.code.contains("fn n<'o>() {}") && lexed.code.contains("xr = 1"));
        assert!(lexed.code_with_tests.contains("fn s()") && !lexed.code.contains("fn s()"));
    }

    #[test]
    fn lines_stay_where_they_are() {
        let lexed = lex(FILE);
        assert_eq!(lexed.code.lines().count(), FILE.lines().count());
        assert_eq!(lexed.comments.lines().count(), FILE.lines().count());
        assert_eq!(lines_where(&lexed.code, |line| line.contains("xr")), [10]);
    }

    #[test]
    fn words_are_whole() {
        assert!(has_word("use tokio::sync::mpsc;", "mpsc"));
        assert!(!has_word("let mpsc_like = 1;", "mpsc"));
    }
}
