//! `$filter`: reader and judge for the expressions the mailbox resources support.
//!
//! Absent: arithmetic, functions other than `startswith` and `contains`, and `linkedResources`.

use jiff::Timestamp;
use serde_json::Value;

use super::extended;
use super::refusal::{Refusal, bad_query};
use super::zones;

/// A filter expression.
#[derive(Debug, Clone)]
pub(super) enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Compare { property: String, operator: Operator, value: Literal },
    Text { property: String, function: Function, value: String },
    Extended { id: String, value: String },
    Any { property: String, value: String },
}

/// A comparison operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

/// A text function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    StartsWith,
    Contains,
}

/// A literal of a filter.
#[derive(Debug, Clone)]
pub(super) enum Literal {
    Text(String),
    Bool(bool),
    Instant(Timestamp),
    Null,
}

/// What a filter looks at: one item.
pub(super) trait Subject {
    /// Returns the value at a path such as `start/dateTime`, times in UTC.
    fn value(&self, path: &str) -> Value;
    /// Returns the item's extended properties.
    fn extended(&self) -> &[(String, String)];
}

// Which properties a kind can be filtered by: t text, e equality only, d instant, l local
// time text, b flag, c collection of texts, a collection of addresses.
fn class(kind: &str, path: &str) -> Option<char> {
    let common = match path {
        "lastModifiedDateTime" | "createdDateTime" => Some('d'),
        "categories" => Some('c'),
        _ => None,
    };
    common.or(match (kind, path) {
        ("event", "iCalUId") => Some('e'),
        ("event", "start/dateTime" | "end/dateTime") => Some('l'),
        ("event", "subject" | "type" | "sensitivity" | "showAs" | "importance") => Some('t'),
        ("event", "isAllDay" | "isCancelled" | "isOrganizer" | "isReminderOn") => Some('b'),
        ("contact", "displayName" | "givenName" | "surname" | "companyName" | "fileAs") => {
            Some('t')
        }
        ("contact", "emailAddresses") => Some('a'),
        ("todoTask", "title" | "status" | "importance") => Some('t'),
        ("todoTask", "dueDateTime/dateTime" | "completedDateTime/dateTime") => Some('l'),
        ("todoTask", "isReminderOn") => Some('b'),
        ("todoTaskList", "displayName") => Some('t'),
        _ => None,
    })
}

impl Filter {
    /// Reads an expression over a type; refuses what the service does not support.
    pub(super) fn read(kind: &str, text: &str) -> Result<Self, Refusal> {
        let mut reader = Reader { kind, tokens: tokens(text)?, at: 0, depth: 0 };
        let filter = reader.either()?;
        if reader.at != reader.tokens.len() {
            return Err(malformed());
        }
        Ok(filter)
    }

    /// Tells whether an item passes.
    pub(super) fn accepts(&self, item: &dyn Subject) -> bool {
        match self {
            Self::And(left, right) => left.accepts(item) && right.accepts(item),
            Self::Or(left, right) => left.accepts(item) || right.accepts(item),
            Self::Not(inner) => !inner.accepts(item),
            Self::Compare { property, operator, value } => {
                compare(&item.value(property), *operator, value)
            }
            Self::Text { property, function, value } => {
                let have = item.value(property).as_str().unwrap_or_default().to_lowercase();
                match function {
                    Function::StartsWith => have.starts_with(&value.to_lowercase()),
                    Function::Contains => have.contains(&value.to_lowercase()),
                }
            }
            Self::Extended { id, value } => extended::matches(item.extended(), id, value),
            Self::Any { property, value } => {
                let have = item.value(property);
                let entries = have.as_array().map(Vec::as_slice).unwrap_or_default();
                entries.iter().any(|entry| {
                    let text = entry.as_str().or_else(|| entry["address"].as_str());
                    text.is_some_and(|text| text.eq_ignore_ascii_case(value))
                })
            }
        }
    }
}

fn compare(have: &Value, operator: Operator, want: &Literal) -> bool {
    use std::cmp::Ordering;
    let ordering = match (have, want) {
        (Value::Null, Literal::Null) => Some(Ordering::Equal),
        (Value::Bool(have), Literal::Bool(want)) => Some(have.cmp(want)),
        (Value::String(have), Literal::Text(want)) => {
            Some(have.to_lowercase().cmp(&want.to_lowercase()))
        }
        (Value::String(have), Literal::Instant(want)) => {
            zones::parse_instant(have).map(|have| have.cmp(want))
        }
        _ => None,
    };
    let Some(ordering) = ordering else { return operator == Operator::Ne };
    match operator {
        Operator::Eq => ordering.is_eq(),
        Operator::Ne => ordering.is_ne(),
        Operator::Gt => ordering.is_gt(),
        Operator::Ge => ordering.is_ge(),
        Operator::Lt => ordering.is_lt(),
        Operator::Le => ordering.is_le(),
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Mark(char),
}

fn malformed() -> Refusal {
    bad_query("The '$filter' expression is malformed.")
}

fn tokens(text: &str) -> Result<Vec<Token>, Refusal> {
    let mut found = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&c) = chars.peek() {
        match c {
            ' ' => {
                chars.next();
            }
            '(' | ')' | ',' => {
                chars.next();
                found.push(Token::Mark(c));
            }
            '\'' => {
                chars.next();
                let mut quoted = String::new();
                loop {
                    match chars.next() {
                        None => return Err(malformed()),
                        Some('\'') if chars.peek() == Some(&'\'') => {
                            chars.next();
                            quoted.push('\'');
                        }
                        Some('\'') => break,
                        Some(other) => quoted.push(other),
                    }
                }
                found.push(Token::Quoted(quoted));
            }
            _ => {
                let mut word = String::new();
                while let Some(&c) = chars.peek() {
                    if matches!(c, ' ' | '(' | ')' | ',' | '\'') {
                        break;
                    }
                    word.push(c);
                    chars.next();
                }
                found.push(Token::Word(word));
            }
        }
    }
    Ok(found)
}

struct Reader<'a> {
    kind: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn word(&self) -> Option<&str> {
        match self.tokens.get(self.at) {
            Some(Token::Word(word)) => Some(word),
            Some(Token::Quoted(_) | Token::Mark(_)) | None => None,
        }
    }

    fn take_word(&mut self) -> Result<String, Refusal> {
        let word = self.word().ok_or_else(malformed)?.to_owned();
        self.at += 1;
        Ok(word)
    }

    fn take_keyword(&mut self, keyword: &str) -> bool {
        let found = self.word() == Some(keyword);
        self.at += usize::from(found);
        found
    }

    fn mark(&mut self, mark: char) -> Result<(), Refusal> {
        if self.tokens.get(self.at) != Some(&Token::Mark(mark)) {
            return Err(malformed());
        }
        self.at += 1;
        Ok(())
    }

    fn quoted(&mut self) -> Result<String, Refusal> {
        let Some(Token::Quoted(text)) = self.tokens.get(self.at) else { return Err(malformed()) };
        let text = text.clone();
        self.at += 1;
        Ok(text)
    }

    fn either(&mut self) -> Result<Filter, Refusal> {
        let mut left = self.both()?;
        while self.take_keyword("or") {
            left = Filter::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Filter, Refusal> {
        let mut left = self.unary()?;
        while self.take_keyword("and") {
            left = Filter::And(Box::new(left), Box::new(self.unary()?));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Filter, Refusal> {
        self.depth += 1;
        if self.depth > 50 {
            return Err(bad_query("The '$filter' expression is too deep."));
        }
        let made = self.primary();
        self.depth -= 1;
        made
    }

    fn primary(&mut self) -> Result<Filter, Refusal> {
        if self.take_keyword("not") {
            return Ok(Filter::Not(Box::new(self.unary()?)));
        }
        if self.tokens.get(self.at) == Some(&Token::Mark('(')) {
            self.at += 1;
            let inner = self.either()?;
            self.mark(')')?;
            return Ok(inner);
        }
        let word = self.take_word()?;
        match word.as_str() {
            "startswith" => return self.function(Function::StartsWith),
            "contains" => return self.function(Function::Contains),
            _ => {}
        }
        if let Some((path, any)) = word.rsplit_once('/')
            && any.eq_ignore_ascii_case("any")
        {
            return self.any(path);
        }
        self.comparison(word)
    }

    fn class(&self, path: &str) -> Result<char, Refusal> {
        class(self.kind, path).ok_or_else(|| {
            Refusal::new(
                400,
                "ErrorInvalidUrlQueryFilter",
                format!("'$filter' by '{path}' is not supported."),
            )
        })
    }

    fn function(&mut self, function: Function) -> Result<Filter, Refusal> {
        self.mark('(')?;
        let property = self.take_word()?;
        self.mark(',')?;
        let value = self.quoted()?;
        self.mark(')')?;
        if self.class(&property)? != 't' {
            return Err(malformed());
        }
        Ok(Filter::Text { property, function, value })
    }

    // `singleValueExtendedProperties/Any(ep: ep/id eq '…' and ep/value eq '…')`,
    // `emailAddresses/any(a:a/address eq '…')`, `categories/any(c:c eq '…')`.
    fn any(&mut self, path: &str) -> Result<Filter, Refusal> {
        self.mark('(')?;
        let head = self.take_word()?;
        let (variable, rest) = head.split_once(':').ok_or_else(malformed)?;
        let variable = variable.to_owned();
        let first = if rest.is_empty() { self.take_word()? } else { rest.to_owned() };
        let mut terms = vec![self.term(&variable, &first)?];
        while self.take_keyword("and") {
            let next = self.take_word()?;
            terms.push(self.term(&variable, &next)?);
        }
        self.mark(')')?;
        let find = |name: &str| terms.iter().find(|(have, _)| have == name).map(|(_, v)| v);
        if path == "singleValueExtendedProperties" && matches!(self.kind, "event" | "contact") {
            let (Some(id), Some(value)) = (find("id"), find("value")) else {
                return Err(bad_query("Extended properties are found by 'id' and 'value'."));
            };
            return Ok(Filter::Extended { id: extended::normal_id(id)?, value: value.clone() });
        }
        let wanted = match self.class(path)? {
            'c' => "",
            'a' => "address",
            _ => return Err(malformed()),
        };
        let value = find(wanted).ok_or_else(malformed)?.clone();
        Ok(Filter::Any { property: path.to_owned(), value })
    }

    fn term(&mut self, variable: &str, path: &str) -> Result<(String, String), Refusal> {
        let rest = path.strip_prefix(variable).ok_or_else(malformed)?;
        if !self.take_keyword("eq") {
            return Err(malformed());
        }
        Ok((rest.trim_start_matches('/').to_owned(), self.quoted()?))
    }

    fn comparison(&mut self, property: String) -> Result<Filter, Refusal> {
        let class = self.class(&property)?;
        let operator = match self.take_word()?.as_str() {
            "eq" => Operator::Eq,
            "ne" if class != 'e' => Operator::Ne,
            "gt" if class != 'e' => Operator::Gt,
            "ge" if class != 'e' => Operator::Ge,
            "lt" if class != 'e' => Operator::Lt,
            "le" if class != 'e' => Operator::Le,
            _ => return Err(malformed()),
        };
        let wrong = || bad_query(format!("The literal does not fit the property '{property}'."));
        let value = match (class, self.tokens.get(self.at)) {
            ('t' | 'e', Some(Token::Quoted(text))) => Literal::Text(text.clone()),
            ('l', Some(Token::Quoted(text))) => {
                Literal::Instant(zones::parse_instant(text).ok_or_else(wrong)?)
            }
            ('d', Some(Token::Word(word))) => Literal::Instant(word.parse().map_err(|_| wrong())?),
            ('b', Some(Token::Word(word))) if word == "true" || word == "false" => {
                Literal::Bool(word == "true")
            }
            (_, Some(Token::Word(word))) if word == "null" => Literal::Null,
            _ => return Err(wrong()),
        };
        self.at += 1;
        Ok(Filter::Compare { property, operator, value })
    }
}
