//! URLs relative to the root: paths of a mailbox, query options, and links that came back.

use std::sync::LazyLock;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::map;
use crate::domain::category::Category;
use crate::domain::ids::Address;
use crate::domain::kind::Collection;
use crate::ports::error::SideError;

/// What stays as it is in a path segment; ids end in `=`, addresses hold `@`.
const SEGMENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'@').remove(b'=');

/// What stays as it is in the value of a query option: OData's own signs.
const OPTION: &AsciiSet = &SEGMENT
    .remove(b'(')
    .remove(b')')
    .remove(b'\'')
    .remove(b'$')
    .remove(b':')
    .remove(b',')
    .remove(b';')
    .remove(b'/');

/// Links longer than this are not followed: no service sends them, and a cursor is kept.
const LINK_MAX_BYTES: usize = 16 * 1024;

/// Encodes one segment of a path.
fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// Encodes the value of a query option.
pub(super) fn option(text: &str) -> String {
    utf8_percent_encode(text, OPTION).to_string()
}

/// Quotes a text for an OData expression.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The paths of one mailbox.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    user: String,
    /// The tracking category of the mailbox, where something is written (LINK-07, LINK-08).
    pub(super) category: Option<Category>,
}

impl Paths {
    pub(super) fn new(address: &Address) -> Self {
        Self { user: format!("/users/{}", segment(address.as_str())), category: None }
    }

    /// Says which category items that are written in this mailbox are given.
    pub(super) fn with_category(self, category: &Category) -> Self {
        Self { category: Some(category.clone()), ..self }
    }

    /// The master list of categories.
    pub(super) fn master_categories(&self) -> String {
        format!("{}/outlook/masterCategories", self.user)
    }

    /// One entry of it.
    pub(super) fn master_category(&self, id: &str) -> String {
        format!("{}/{}", self.master_categories(), segment(id))
    }

    /// The collection in which new items are made. `list` is the To Do list.
    pub(super) fn items(&self, collection: Collection, list: &str) -> String {
        match collection {
            Collection::Calendar => format!("{}/events", self.user),
            Collection::Contacts => format!("{}/contacts", self.user),
            Collection::Tasks => format!("{}/tasks", self.list(list)),
        }
    }

    /// One item.
    pub(super) fn item(&self, collection: Collection, list: &str, id: &str) -> String {
        format!("{}/{}", self.items(collection, list), segment(id))
    }

    /// One linked resource of a task.
    pub(super) fn linked(&self, task: &str, id: &str) -> String {
        format!("{task}/linkedResources/{}", segment(id))
    }

    /// One item with what is needed to know its link and all of its fields.
    pub(super) fn item_expanded(&self, collection: Collection, list: &str, id: &str) -> String {
        let item = format!("{}?{}", self.item(collection, list, id), expand(collection));
        match collection {
            // By id an event is found in every calendar of the mailbox; it says in which it lies.
            Collection::Calendar => format!("{item},calendar"),
            Collection::Contacts | Collection::Tasks => item,
        }
    }

    /// The default contact folder, its id alone.
    pub(super) fn contact_folder(&self) -> String {
        format!("{}/contactFolders/contacts?$select=id", self.user)
    }

    /// The files of an event.
    pub(super) fn files(&self, event: &str) -> String {
        format!("{}/attachments", self.item(Collection::Calendar, "", event))
    }

    /// One file of an event.
    pub(super) fn file(&self, event: &str, file: &str) -> String {
        format!("{}/{}", self.files(event), segment(file))
    }

    /// A series with what deviates from it.
    pub(super) fn series(&self, id: &str) -> String {
        let item = self.item(Collection::Calendar, "", id);
        let expand = expand(Collection::Calendar);
        format!("{item}?$select={}&{expand},calendar,exceptionOccurrences", map::series::SELECT)
    }

    /// The occurrences of a series that overlap a window.
    pub(super) fn instances(&self, id: &str, start: &str, end: &str) -> String {
        let item = self.item(Collection::Calendar, "", id);
        let (start, end) = (option(start), option(end));
        format!("{item}/instances?startDateTime={start}&endDateTime={end}")
    }

    /// The To Do lists.
    pub(super) fn lists(&self) -> String {
        format!("{}/todo/lists", self.user)
    }

    /// One To Do list.
    pub(super) fn list(&self, list: &str) -> String {
        format!("{}/{}", self.lists(), segment(list))
    }

    /// The first request of a round of the calendar, over a window (event-delta).
    pub(super) fn calendar_delta(&self, start: &str, end: &str) -> String {
        let (start, end) = (option(start), option(end));
        format!("{}/calendarView/delta?startDateTime={start}&endDateTime={end}", self.user)
    }

    /// The first request of a round of the contacts; `contacts` is the default folder.
    pub(super) fn contacts_delta(&self) -> String {
        format!("{}/contactFolders/contacts/contacts/delta", self.user)
    }

    /// The default contact folder's contacts with what is needed to know their links and fields.
    pub(super) fn contacts_expanded(&self) -> String {
        let expand = expand(Collection::Contacts);
        format!("{}/contactFolders/contacts/contacts?{expand}", self.user)
    }

    /// The first request of a round of a To Do list.
    pub(super) fn tasks_delta(&self, list: &str) -> String {
        format!("{}/delta", self.items(Collection::Tasks, list))
    }
}

/// Returns the `$expand` that brings an item's marker, and a contact's further fields.
pub(super) fn expand(collection: Collection) -> &'static str {
    static CALENDAR: LazyLock<String> = LazyLock::new(|| expand_properties([]));
    static CONTACTS: LazyLock<String> =
        LazyLock::new(|| expand_properties(map::contact::extended_ids()));
    match collection {
        Collection::Tasks => "$expand=linkedResources",
        Collection::Calendar => &CALENDAR,
        Collection::Contacts => &CONTACTS,
    }
}

fn expand_properties(more: impl IntoIterator<Item = &'static str>) -> String {
    let ids = [map::MARKER, map::MADE, map::TRACK].into_iter().chain(more);
    let terms: Vec<String> = ids.map(|id| format!("id eq {}", literal(id))).collect();
    let filter = option(&terms.join(" or "));
    format!("$expand=singleValueExtendedProperties($filter={filter})")
}

/// Makes a link that Graph sent relative to the root. Only its path is used, never its host: a
/// token goes to nobody but the root.
pub(super) fn relative(root: &str, link: &str) -> Result<String, SideError> {
    let unreadable = |reason: &str| SideError::Unreadable { reason: reason.to_owned() };
    if link.len() > LINK_MAX_BYTES {
        return Err(SideError::TooLarge { reason: "a link of a page".to_owned() });
    }
    if link.starts_with('/') {
        return Ok(link.to_owned());
    }
    if let Some(rest) = link.strip_prefix(root).filter(|rest| rest.starts_with('/')) {
        return Ok(rest.to_owned());
    }
    // Links may name another host of the service; the version segment tells where the path begins.
    let version = root.rsplit('/').next().filter(|part| !part.is_empty());
    let version = version.ok_or_else(|| unreadable("the root has no path"))?;
    let at = link.find(&format!("/{version}/")).ok_or_else(|| unreadable("a link leads away"))?;
    Ok(link[at + 1 + version.len()..].to_owned())
}

/// Returns the To Do list that a delta link of tasks names, in either spelling of a key.
pub(super) fn list_of(link: &str) -> Option<String> {
    let rest = link.split_once("/todo/lists")?.1;
    let raw = if let Some(rest) = rest.strip_prefix('/') {
        rest.split('/').next()?
    } else {
        rest.strip_prefix("('")?.split("')").next()?
    };
    let text = percent_encoding::percent_decode_str(raw).decode_utf8().ok()?;
    (!text.is_empty()).then(|| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lose_their_host() {
        // A link of the root, of another host of the service and a relative one give one path.
        let root = "https://graph.microsoft.com/v1.0";
        let path = "/users/u/calendarView/delta?$deltatoken=R0usmci";
        for link in [
            format!("{root}{path}"),
            format!("https://graph.microsoft.us/v1.0{path}"),
            path.to_owned(),
        ] {
            assert_eq!(relative(root, &link).unwrap(), path);
        }
        assert!(relative(root, "https://elsewhere/x").is_err());
        assert!(relative(root, &"x".repeat(LINK_MAX_BYTES + 1)).is_err());
    }

    #[test]
    fn the_list_is_read_from_a_delta_link() {
        // Both spellings of a key lead to the list (todotask-delta).
        let plain = "/users/u/todo/lists/AQMk%3D=/tasks/delta?$deltatoken=x";
        assert_eq!(list_of(plain).as_deref(), Some("AQMk=="));
        let keyed = "/users('u')/todo/lists('AQMk=')/tasks/microsoft.graph.delta()?$deltatoken=x";
        assert_eq!(list_of(keyed).as_deref(), Some("AQMk="));
        assert_eq!(list_of("/users/u/contacts/delta"), None);
    }

    #[test]
    fn signs_of_addresses_and_texts_are_escaped() {
        // An address or id can neither end a path segment nor an OData text.
        let paths = Paths::new(&Address::parse("o'brien+x/y@contoso.com").unwrap());
        assert_eq!(paths.lists(), "/users/o%27brien%2Bx%2Fy@contoso.com/todo/lists");
        assert_eq!(literal("a'b"), "'a''b'");
        assert_eq!(option("a eq 'b&c#{d}'"), "a%20eq%20'b%26c%23%7Bd%7D'");
    }
}
