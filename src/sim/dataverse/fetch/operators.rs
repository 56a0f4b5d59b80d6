//! The condition operators of FetchXML.

use super::dates::{self, Span};
use super::fiscal;
use super::kin::Hierarchy;
use super::xml::Node;
use super::{Asker, bad, column};
use crate::sim::dataverse::cond::{Cond, Op, literal_pattern, pattern};
use crate::sim::dataverse::error::Refusal;
use crate::sim::dataverse::schema::{Column, Kind, Table};
use crate::sim::dataverse::value::{Cell, from_text};

/// Reads `<condition attribute operator value>` with its `<value>` children.
pub(super) fn condition(table: &Table, node: &Node, asker: Asker<'_>) -> Result<Cond, Refusal> {
    node.only_attributes(&["attribute", "operator", "value", "uitype", "uiname", "uihidden"])?;
    let at = column(table, node.want("attribute")?)?;
    let operator = node.want("operator")?;
    let mut values: Vec<&str> = node.attribute("value").into_iter().collect();
    for child in &node.children {
        if child.name != "value" {
            return Err(bad(format!("Unexpected element '{}' in 'condition'.", child.name)));
        }
        values.push(child.text.trim());
    }
    let asked = Asked { table, at, column: &table.columns[at], operator, values };
    Ok(Cond::Test(at, asked.op(asker)?))
}

/// The language of everybody here: English.
const LANGUAGE: i64 = 1033;

/// The caller and everybody who reports to him.
fn reports(asker: Asker<'_>) -> Vec<Cell> {
    let below = Hierarchy::of_users(asker.store).map(|users| users.under(asker.user));
    let all = std::iter::once(asker.user).chain(below.unwrap_or_default());
    all.map(Cell::Id).collect()
}

struct Asked<'a> {
    table: &'a Table,
    at: usize,
    column: &'a Column,
    operator: &'a str,
    values: Vec<&'a str>,
}

impl Asked<'_> {
    fn op(&self, asker: Asker<'_>) -> Result<Op, Refusal> {
        let user = || Cell::Id(asker.user);
        Ok(match self.operator {
            "eq" => Op::Eq(self.one()?),
            "ne" | "neq" => Op::Ne(self.one()?),
            "lt" => Op::Lt(self.one()?),
            "le" => Op::Le(self.one()?),
            "gt" => Op::Gt(self.one()?),
            "ge" => Op::Ge(self.one()?),
            "in" => Op::In(self.many()?),
            "not-in" => Op::NotIn(self.many()?),
            "null" => self.none().map(|()| Op::Null)?,
            "not-null" => self.none().map(|()| Op::NotNull)?,
            "like" => Op::Like(pattern(self.word()?)),
            "not-like" => Op::NotLike(pattern(self.word()?)),
            "begins-with" => Op::Like(literal_pattern(self.word()?, false, true)),
            "not-begin-with" => Op::NotLike(literal_pattern(self.word()?, false, true)),
            "ends-with" => Op::Like(literal_pattern(self.word()?, true, false)),
            "not-end-with" => Op::NotLike(literal_pattern(self.word()?, true, false)),
            "between" => self.pair().map(|(low, high)| Op::Between(low, high))?,
            "not-between" => self.pair().map(|(low, high)| Op::NotBetween(low, high))?,
            // Teams are not modelled: the caller is a member of none.
            "eq-userid" | "eq-useroruserteams" => self.id().map(|()| Op::Eq(user()))?,
            "eq-useroruserhierarchy" | "eq-useroruserhierarchyandteams" => {
                self.id().map(|()| Op::In(reports(asker)))?
            }
            "ne-userid" => self.id().map(|()| Op::Ne(user()))?,
            "eq-userteams" => self.id().map(|()| Op::In(Vec::new()))?,
            "eq-businessid" => self.id().map(|()| Op::Eq(Cell::Id(asker.unit)))?,
            "ne-businessid" => self.id().map(|()| Op::Ne(Cell::Id(asker.unit)))?,
            "eq-userlanguage" => self.number().map(|()| Op::Eq(Cell::Int(LANGUAGE)))?,
            "above" | "eq-or-above" | "under" | "eq-or-under" | "not-under" => self.kin(asker)?,
            // No table here has a column of several choices.
            "contain-values" | "not-contain-values" => {
                let name = self.column.name;
                let text = format!("'{}' needs a choices column; '{name}' is none.", self.operator);
                return Err(bad(text));
            }
            _ => return self.date(asker),
        })
    }

    /// The operators of a hierarchy, which take one id of the table itself.
    fn kin(&self, asker: Asker<'_>) -> Result<Op, Refusal> {
        let Some(hierarchy) = Hierarchy::of(asker.store, self.table, self.at) else {
            let (name, table) = (self.column.name, self.table.logical);
            let text = format!(
                "'{}' needs the key of a table with a hierarchy; '{name}' of '{table}' is none.",
                self.operator
            );
            return Err(bad(text));
        };
        let own = self.one()?;
        let Some(id) = own.uuid() else { return Err(self.wrong_count()) };
        let line = match self.operator {
            "above" | "eq-or-above" => hierarchy.above(id),
            _ => hierarchy.under(id),
        };
        let mut found: Vec<Cell> = line.into_iter().map(Cell::Id).collect();
        Ok(match self.operator {
            "not-under" => Op::NotIn(found),
            "eq-or-above" | "eq-or-under" => {
                found.push(own);
                Op::In(found)
            }
            _ => Op::In(found),
        })
    }

    fn date(&self, asker: Asker<'_>) -> Result<Op, Refusal> {
        let span = match self.operator {
            "on" | "on-or-after" | "on-or-before" | "not-on" => {
                let moment = self.one()?.time().ok_or_else(|| self.not_a_date())?;
                dates::on(self.operator, moment)
            }
            _ if self.operator.contains("fiscal") => {
                fiscal::span(self.operator, &self.values, asker.now)
            }
            _ => dates::relative(self.operator, self.values.first().copied(), asker.now),
        };
        let Some(span) = span else {
            return Err(bad(format!("Invalid or unknown operator '{}'.", self.operator)));
        };
        if !matches!(self.column.kind, Kind::Time | Kind::DayTime | Kind::Date) {
            return Err(self.not_a_date());
        }
        Ok(match span {
            Span::Within(from, to) => Op::Within(Cell::Time(from), Cell::Time(to)),
            Span::Before(to) => Op::Lt(Cell::Time(to)),
            Span::From(from) => Op::Ge(Cell::Time(from)),
            Span::Quarter(number) => Op::Quarter(number),
        })
    }

    fn not_a_date(&self) -> Refusal {
        let (name, operator) = (self.column.name, self.operator);
        bad(format!("The operator '{operator}' needs a date; '{name}' is none."))
    }

    fn one(&self) -> Result<Cell, Refusal> {
        let [text] = self.values.as_slice() else { return Err(self.wrong_count()) };
        self.cell(text)
    }

    fn many(&self) -> Result<Vec<Cell>, Refusal> {
        if self.values.is_empty() {
            return Err(self.wrong_count());
        }
        self.values.iter().map(|text| self.cell(text)).collect()
    }

    fn pair(&self) -> Result<(Cell, Cell), Refusal> {
        let [low, high] = self.values.as_slice() else { return Err(self.wrong_count()) };
        Ok((self.cell(low)?, self.cell(high)?))
    }

    fn word(&self) -> Result<&str, Refusal> {
        if !matches!(self.column.kind, Kind::Text(_)) {
            let text = format!("'{}' only works on text.", self.operator);
            return Err(bad(text));
        }
        let [text] = self.values.as_slice() else { return Err(self.wrong_count()) };
        Ok(text)
    }

    fn none(&self) -> Result<(), Refusal> {
        if self.values.is_empty() { Ok(()) } else { Err(self.wrong_count()) }
    }

    /// The operators of the caller work on ids alone.
    fn id(&self) -> Result<(), Refusal> {
        if !matches!(self.column.kind, Kind::Id | Kind::Lookup(_)) {
            return Err(bad(format!("'{}' only works on lookups.", self.operator)));
        }
        self.none()
    }

    fn number(&self) -> Result<(), Refusal> {
        if !matches!(self.column.kind, Kind::Int(..) | Kind::Choice(_)) {
            return Err(bad(format!("'{}' only works on numbers.", self.operator)));
        }
        self.none()
    }

    fn cell(&self, text: &str) -> Result<Cell, Refusal> {
        from_text(self.column, text).ok_or_else(|| {
            let (name, table) = (self.column.name, self.table.logical);
            bad(format!("'{text}' is not a valid value of '{name}' of '{table}'."))
        })
    }

    fn wrong_count(&self) -> Refusal {
        bad(format!("The number of values of the operator '{}' is wrong.", self.operator))
    }
}
