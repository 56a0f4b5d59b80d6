//! `$filter` and `$orderby` of the Web API.
//!
//! Comparison operators, `and`, `or`, `not`, `in`, the text functions and the query function
//! `Microsoft.Dynamics.CRM.In`. Absent: arithmetic, lambda operators, other query functions.

use uuid::Uuid;

use super::cond::{Cond, Op, literal_pattern};
use super::error::Refusal;
use super::schema::{Column, Kind, Table};
use super::value::{Cell, from_text};

/// Deeper nesting than any filter a person writes.
const MAX_DEPTH: usize = 50;

/// The most values of the function `In`.
const MOST_VALUES: usize = 2_000;

#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// Anything unquoted: names, numbers, guids, dates.
    Word(String),
    Text(String),
    Sign(char),
}

/// Reads a `$filter`; `aliases` are the `@p` options of the URL.
pub(super) fn parse(
    table: &Table,
    text: &str,
    aliases: &[(String, String)],
) -> Result<Cond, Refusal> {
    let mut tokens = Vec::new();
    for token in lex(text)? {
        match &token {
            Token::Word(word) if word.starts_with('@') => {
                let value = aliases.iter().find(|(name, _)| name == word);
                let (_, value) = value.ok_or_else(|| syntax(text))?;
                tokens.extend(lex(value)?);
            }
            Token::Word(_) | Token::Text(_) | Token::Sign(_) => tokens.push(token),
        }
    }
    let mut parser = Parser { table, text, tokens, at: 0, depth: 0 };
    let cond = parser.any()?;
    if parser.at == parser.tokens.len() { Ok(cond) } else { Err(syntax(text)) }
}

/// Reads `$orderby`: columns with "descending".
pub(super) fn parse_order(table: &Table, text: &str) -> Result<Vec<(usize, bool)>, Refusal> {
    text.split(',')
        .map(|part| {
            let mut words = part.split_whitespace();
            let name = words.next().unwrap_or_default();
            let column = find(table, name)?;
            match (words.next(), words.next()) {
                (None | Some("asc"), None) => Ok((column, false)),
                (Some("desc"), None) => Ok((column, true)),
                _ => Err(Refusal::malformed(format!("Syntax error in $orderby '{text}'."))),
            }
        })
        .collect()
}

/// Finds the column of a property name on the wire.
pub(super) fn find(table: &Table, property: &str) -> Result<usize, Refusal> {
    table.by_property.get(property).copied().ok_or_else(|| {
        Refusal::malformed(format!(
            "Could not find a property named '{property}' on type 'Microsoft.Dynamics.CRM.{}'.",
            table.logical
        ))
    })
}

fn syntax(text: &str) -> Refusal {
    Refusal::malformed(format!("Syntax error in '{text}'."))
}

fn lex(text: &str) -> Result<Vec<Token>, Refusal> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    // The values in brackets are JSON: in double quotes as well, and two single quotes are two ends.
    let mut json = false;
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => {}
            '(' | ')' | ',' | '=' | '[' | ']' => {
                json = if matches!(c, '[' | ']') { c == '[' } else { json };
                tokens.push(Token::Sign(c));
            }
            '\'' | '"' if json || c == '\'' => {
                let mut value = String::new();
                loop {
                    match chars.next() {
                        Some('\'') if !json && chars.peek() == Some(&'\'') => {
                            chars.next();
                            value.push('\'');
                        }
                        Some(end) if end == c => break,
                        Some(c) => value.push(c),
                        None => return Err(syntax(text)),
                    }
                }
                tokens.push(Token::Text(value));
            }
            c => {
                let mut word = String::from(c);
                while let Some(c) = chars.next_if(|c| {
                    !c.is_whitespace()
                        && !matches!(c, '(' | ')' | ',' | '=' | '[' | ']' | '\'' | '"')
                }) {
                    word.push(c);
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    Ok(tokens)
}

struct Parser<'a> {
    table: &'a Table,
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn any(&mut self) -> Result<Cond, Refusal> {
        let mut parts = vec![self.all()?];
        while self.take_word("or") {
            parts.push(self.all()?);
        }
        Ok(single(parts, Cond::Or))
    }

    fn all(&mut self) -> Result<Cond, Refusal> {
        let mut parts = vec![self.one()?];
        while self.take_word("and") {
            parts.push(self.one()?);
        }
        Ok(single(parts, Cond::And))
    }

    fn one(&mut self) -> Result<Cond, Refusal> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Refusal::malformed("The filter is nested too deeply."));
        }
        let cond = if self.take_word("not") {
            Cond::Not(Box::new(self.one()?))
        } else if self.take_sign('(') {
            let inner = self.any()?;
            self.want_sign(')')?;
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(cond)
    }

    fn comparison(&mut self) -> Result<Cond, Refusal> {
        let name = self.word()?;
        if self.take_sign('(') {
            return self.function(&name);
        }
        let column = find(self.table, &name)?;
        let definition = &self.table.columns[column];
        let operator = self.word()?;
        if operator == "in" {
            return self.list(column, definition);
        }
        let value = self.literal(definition)?;
        let op = match (operator.as_str(), value) {
            ("eq", None) => Op::Null,
            ("ne", None) => Op::NotNull,
            ("eq", Some(cell)) => Op::Eq(cell),
            ("ne", Some(cell)) => Op::Ne(cell),
            ("gt", Some(cell)) => Op::Gt(cell),
            ("ge", Some(cell)) => Op::Ge(cell),
            ("lt", Some(cell)) => Op::Lt(cell),
            ("le", Some(cell)) => Op::Le(cell),
            _ => return Err(syntax(self.text)),
        };
        Ok(Cond::Test(column, op))
    }

    fn list(&mut self, column: usize, definition: &Column) -> Result<Cond, Refusal> {
        self.want_sign('(')?;
        let mut cells = Vec::new();
        loop {
            let cell = self.literal(definition)?.ok_or_else(|| syntax(self.text))?;
            cells.push(cell);
            if !self.take_sign(',') {
                break;
            }
        }
        self.want_sign(')')?;
        Ok(Cond::Test(column, Op::In(cells)))
    }

    fn function(&mut self, name: &str) -> Result<Cond, Refusal> {
        if name == "Microsoft.Dynamics.CRM.In" {
            return self.crm_in();
        }
        let (start, end) = match name {
            "contains" => (true, true),
            "startswith" => (false, true),
            "endswith" => (true, false),
            _ => {
                return Err(Refusal::malformed(format!("An unknown function '{name}' was found.")));
            }
        };
        let property = self.word()?;
        let column = find(self.table, &property)?;
        self.want_sign(',')?;
        let Some(Token::Text(text)) = self.next() else { return Err(syntax(self.text)) };
        self.want_sign(')')?;
        if !matches!(self.table.columns[column].kind, Kind::Text(_)) {
            return Err(incompatible(&property));
        }
        Ok(Cond::Test(column, Op::Like(literal_pattern(&text, start, end))))
    }

    /// `Microsoft.Dynamics.CRM.In(PropertyName='x',PropertyValues=['a','b'])`: values are texts, at
    /// least one and, as FetchXML's `in` was documented for years, at most 2,000.
    fn crm_in(&mut self) -> Result<Cond, Refusal> {
        self.want_word("PropertyName")?;
        self.want_sign('=')?;
        let Some(Token::Text(name)) = self.next() else { return Err(syntax(self.text)) };
        let column = self.table.column(&name).map_or_else(|| find(self.table, &name), Ok)?;
        self.want_sign(',')?;
        self.want_word("PropertyValues")?;
        self.want_sign('=')?;
        self.want_sign('[')?;
        let mut cells = Vec::new();
        while let Some(Token::Text(text)) = self.next_if_text() {
            let definition = &self.table.columns[column];
            cells.push(from_text(definition, &text).ok_or_else(|| incompatible(&name))?);
            if !self.take_sign(',') {
                break;
            }
        }
        self.want_sign(']')?;
        self.want_sign(')')?;
        match cells.len() {
            0 => Err(Refusal::malformed("PropertyValues must not be empty.")),
            1..=MOST_VALUES => Ok(Cond::Test(column, Op::In(cells))),
            _ => Err(Refusal::malformed("Too many values in a condition.")),
        }
    }

    /// Reads a literal that fits the column; `None` is `null`.
    fn literal(&mut self, column: &Column) -> Result<Option<Cell>, Refusal> {
        let wrong = || incompatible(&column.property);
        match self.next() {
            Some(Token::Word(word)) if word == "null" => Ok(None),
            Some(Token::Word(word)) => match &column.kind {
                Kind::Text(_) => Err(wrong()),
                Kind::Bool if word == "1" || word == "0" => Err(wrong()),
                Kind::Id | Kind::Lookup(_) => {
                    Uuid::try_parse(&word).map(|id| Some(Cell::Id(id))).map_err(|_| wrong())
                }
                Kind::Int(..)
                | Kind::Choice(_)
                | Kind::Bool
                | Kind::Time
                | Kind::DayTime
                | Kind::Date => from_text(column, &word).map(Some).ok_or_else(wrong),
            },
            Some(Token::Text(text)) => match &column.kind {
                Kind::Text(_) => Ok(Some(Cell::text(&text))),
                // The service also takes quoted guids.
                Kind::Id | Kind::Lookup(_) => from_text(column, &text).map(Some).ok_or_else(wrong),
                Kind::Int(..)
                | Kind::Choice(_)
                | Kind::Bool
                | Kind::Time
                | Kind::DayTime
                | Kind::Date => Err(wrong()),
            },
            Some(Token::Sign(_)) | None => Err(syntax(self.text)),
        }
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn next_if_text(&mut self) -> Option<Token> {
        matches!(self.tokens.get(self.at), Some(Token::Text(_))).then(|| self.next()).flatten()
    }

    fn word(&mut self) -> Result<String, Refusal> {
        match self.next() {
            Some(Token::Word(word)) => Ok(word),
            Some(Token::Text(_) | Token::Sign(_)) | None => Err(syntax(self.text)),
        }
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Word(w)) if w == word);
        self.at += usize::from(found);
        found
    }

    fn want_word(&mut self, word: &str) -> Result<(), Refusal> {
        if self.take_word(word) { Ok(()) } else { Err(syntax(self.text)) }
    }

    fn take_sign(&mut self, sign: char) -> bool {
        let found = self.tokens.get(self.at) == Some(&Token::Sign(sign));
        self.at += usize::from(found);
        found
    }

    fn want_sign(&mut self, sign: char) -> Result<(), Refusal> {
        if self.take_sign(sign) { Ok(()) } else { Err(syntax(self.text)) }
    }
}

fn single(mut parts: Vec<Cond>, join: fn(Vec<Cond>) -> Cond) -> Cond {
    if parts.len() == 1 { parts.remove(0) } else { join(parts) }
}

fn incompatible(property: &str) -> Refusal {
    Refusal::malformed(format!(
        "A binary operator with incompatible types was detected for '{property}'."
    ))
}
