//! A filter in pieces: its conditions and its links to other tables, each as it stands in the text.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// One piece of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// The element, as the filter words it.
    pub(super) xml: String,
    /// The same for people.
    pub(super) text: String,
    /// It can be asked without the rest: it names no other table by an alias.
    pub(super) stands_alone: bool,
}

/// Returns the conditions of a filter's own table, at any depth of `and` and `or`, and its links
/// to other tables as a whole. What cannot be read ends the list.
pub(super) fn split(fetchxml: &str) -> Vec<Piece> {
    let mut reader = Reader::from_str(fetchxml);
    let mut open: Vec<String> = Vec::new();
    let mut pieces = Vec::new();
    loop {
        let from = position(&reader);
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                if let Some(kind) = piece_of(&start, &open) {
                    let name = start.to_owned();
                    if reader.read_to_end(start.name()).is_err() {
                        return pieces;
                    }
                    pieces.push(piece(kind, &name, &fetchxml[from..position(&reader)]));
                } else {
                    open.push(start.name().as_ref().to_owned());
                }
            }
            Ok(Event::Empty(start)) => {
                if let Some(kind) = piece_of(&start, &open) {
                    pieces.push(piece(kind, &start, &fetchxml[from..position(&reader)]));
                }
            }
            Ok(Event::End(_)) => {
                open.pop();
            }
            Ok(Event::Eof) | Err(_) => return pieces,
            Ok(
                Event::Text(_)
                | Event::CData(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::DocType(_)
                | Event::GeneralRef(_),
            ) => {}
        }
    }
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Condition,
    Link,
}

fn piece_of(start: &BytesStart<'_>, open: &[String]) -> Option<Sort> {
    let inside = |names: &[&str]| {
        open.len() >= names.len() && open.iter().zip(names).all(|(one, name)| one == name)
    };
    if !inside(&["fetch", "entity"]) {
        return None;
    }
    let name = start.name();
    let name: &str = name.as_ref();
    let in_filters = open.len() > 2 && open.iter().skip(2).all(|one| one == "filter");
    match name {
        "condition" if in_filters => Some(Sort::Condition),
        "link-entity" if open.len() == 2 => Some(Sort::Link),
        _ => None,
    }
}

fn piece(sort: Sort, start: &BytesStart<'_>, xml: &str) -> Piece {
    let of = |name: &str| {
        let found = start.try_get_attribute(name).ok().flatten();
        found.map(|attribute| attribute.value.into_owned())
    };
    let word = |name: &str| of(name).unwrap_or_default();
    let text = match sort {
        Sort::Condition => {
            let values = of("value").map_or_else(|| values_of(xml), |value| vec![value]);
            let alias = of("entityname").map(|alias| format!("{alias}.")).unwrap_or_default();
            let words = [format!("{alias}{}", word("attribute")), word("operator")];
            [words.join(" "), values.join(", ")].join(" ").trim_end().to_owned()
        }
        Sort::Link => {
            let inner = split_inside(xml).join("; ");
            let about = if inner.is_empty() { String::new() } else { format!(" with {inner}") };
            format!("a row of {} linked by {}{about}", word("name"), word("from"))
        }
    };
    Piece { xml: xml.to_owned(), text, stands_alone: of("entityname").is_none() }
}

/// Returns the values of a condition that lists them.
fn values_of(xml: &str) -> Vec<String> {
    let mut reader = Reader::from_str(xml);
    let (mut inside, mut values) = (false, Vec::new());
    while let Ok(event) = reader.read_event() {
        if let Event::Start(start) = &event {
            inside = start.name().as_ref() == "value";
        } else if let Event::End(_) = &event {
            inside = false;
        } else if let Event::Text(text) = event {
            if inside {
                values.push(text.into_inner().trim().to_owned());
            }
        } else if let Event::Eof = event {
            break;
        }
    }
    values
}

/// Returns the conditions of a link in words.
fn split_inside(xml: &str) -> Vec<String> {
    let mut reader = Reader::from_str(xml);
    let mut words = Vec::new();
    loop {
        let from = position(&reader);
        match reader.read_event() {
            Ok(Event::Empty(start)) if start.name().as_ref() == "condition" => {
                words.push(piece(Sort::Condition, &start, &xml[from..position(&reader)]).text);
            }
            Ok(Event::Start(start)) if start.name().as_ref() == "condition" => {
                let name = start.to_owned();
                if reader.read_to_end(start.name()).is_err() {
                    return words;
                }
                words.push(piece(Sort::Condition, &name, &xml[from..position(&reader)]).text);
            }
            Ok(Event::Eof) | Err(_) => return words,
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILTER: &str = r#"<fetch><entity name="task"><attribute name="subject"/>
        <filter type="and"><condition attribute="statecode" operator="eq" value="0"/>
          <filter type="or"><condition attribute="ownerid" operator="eq-userid"/>
            <condition attribute="prioritycode" operator="in"><value>1</value><value>2</value></condition>
            <condition entityname="aa" attribute="fullname" operator="not-null"/></filter></filter>
        <link-entity name="activityparty" from="activityid" to="activityid" alias="aa">
          <filter><condition attribute="partyid" operator="eq-userid"/></filter></link-entity>
        </entity></fetch>"#;

    #[test]
    fn a_filter_falls_into_its_conditions_and_links() {
        // Each condition of the table itself at any depth, and each link as a whole, in order.
        let pieces = split(FILTER);
        let texts: Vec<&str> = pieces.iter().map(|piece| piece.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "statecode eq 0",
                "ownerid eq-userid",
                "prioritycode in 1, 2",
                "aa.fullname not-null",
                "a row of activityparty linked by activityid with partyid eq-userid",
            ]
        );
        assert_eq!(pieces[0].xml, r#"<condition attribute="statecode" operator="eq" value="0"/>"#);
        assert!(pieces[2].xml.ends_with("<value>2</value></condition>"));
        assert!(pieces[4].xml.starts_with("<link-entity") && pieces[4].xml.ends_with("-entity>"));
        let alone: Vec<bool> = pieces.iter().map(|piece| piece.stands_alone).collect();
        assert_eq!(alone, [true, true, true, false, true]);
    }

    #[test]
    fn a_broken_filter_ends_the_list() {
        // What stands before the fault is still shown; nothing panics.
        let broken = FILTER.replace("</condition>", "");
        assert_eq!(split(&broken).len(), 2);
        assert!(split("<fetch").is_empty() && split("").is_empty());
    }
}
