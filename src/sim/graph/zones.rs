//! Time zones by Windows or IANA name, and the service's `dateTime` text form.
//!
//! Custom zones (`tzone://Microsoft/Custom`) are not accepted in requests.

use std::sync::OnceLock;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::refusal::{Refusal, property};

/// Windows zone names with the IANA zone of their territory 001.
pub(in crate::sim) const WINDOWS: &[(&str, &str)] = &[
    ("Dateline Standard Time", "Etc/GMT+12"),
    ("UTC-11", "Etc/GMT+11"),
    ("Hawaiian Standard Time", "Pacific/Honolulu"),
    ("Alaskan Standard Time", "America/Anchorage"),
    ("Pacific Standard Time", "America/Los_Angeles"),
    ("US Mountain Standard Time", "America/Phoenix"),
    ("Mountain Standard Time", "America/Denver"),
    ("Central America Standard Time", "America/Guatemala"),
    ("Central Standard Time", "America/Chicago"),
    ("Canada Central Standard Time", "America/Regina"),
    ("Central Standard Time (Mexico)", "America/Mexico_City"),
    ("SA Pacific Standard Time", "America/Bogota"),
    ("Eastern Standard Time", "America/New_York"),
    ("US Eastern Standard Time", "America/Indianapolis"),
    ("Venezuela Standard Time", "America/Caracas"),
    ("Atlantic Standard Time", "America/Halifax"),
    ("SA Western Standard Time", "America/La_Paz"),
    ("Pacific SA Standard Time", "America/Santiago"),
    ("Newfoundland Standard Time", "America/St_Johns"),
    ("E. South America Standard Time", "America/Sao_Paulo"),
    ("Argentina Standard Time", "America/Buenos_Aires"),
    ("SA Eastern Standard Time", "America/Cayenne"),
    ("Greenland Standard Time", "America/Godthab"),
    ("UTC-02", "Etc/GMT+2"),
    ("Azores Standard Time", "Atlantic/Azores"),
    ("Cape Verde Standard Time", "Atlantic/Cape_Verde"),
    ("UTC", "Etc/UTC"),
    ("GMT Standard Time", "Europe/London"),
    ("Greenwich Standard Time", "Atlantic/Reykjavik"),
    ("Morocco Standard Time", "Africa/Casablanca"),
    ("W. Europe Standard Time", "Europe/Berlin"),
    ("Central Europe Standard Time", "Europe/Budapest"),
    ("Romance Standard Time", "Europe/Paris"),
    ("Central European Standard Time", "Europe/Warsaw"),
    ("W. Central Africa Standard Time", "Africa/Lagos"),
    ("GTB Standard Time", "Europe/Bucharest"),
    ("E. Europe Standard Time", "Europe/Chisinau"),
    ("Egypt Standard Time", "Africa/Cairo"),
    ("FLE Standard Time", "Europe/Kiev"),
    ("South Africa Standard Time", "Africa/Johannesburg"),
    ("Israel Standard Time", "Asia/Jerusalem"),
    ("Jordan Standard Time", "Asia/Amman"),
    ("Arabic Standard Time", "Asia/Baghdad"),
    ("Turkey Standard Time", "Europe/Istanbul"),
    ("Arab Standard Time", "Asia/Riyadh"),
    ("Russian Standard Time", "Europe/Moscow"),
    ("E. Africa Standard Time", "Africa/Nairobi"),
    ("Iran Standard Time", "Asia/Tehran"),
    ("Arabian Standard Time", "Asia/Dubai"),
    ("Azerbaijan Standard Time", "Asia/Baku"),
    ("Georgian Standard Time", "Asia/Tbilisi"),
    ("Afghanistan Standard Time", "Asia/Kabul"),
    ("West Asia Standard Time", "Asia/Tashkent"),
    ("Pakistan Standard Time", "Asia/Karachi"),
    ("India Standard Time", "Asia/Calcutta"),
    ("Sri Lanka Standard Time", "Asia/Colombo"),
    ("Nepal Standard Time", "Asia/Katmandu"),
    ("Bangladesh Standard Time", "Asia/Dhaka"),
    ("Myanmar Standard Time", "Asia/Rangoon"),
    ("SE Asia Standard Time", "Asia/Bangkok"),
    ("China Standard Time", "Asia/Shanghai"),
    ("Singapore Standard Time", "Asia/Singapore"),
    ("W. Australia Standard Time", "Australia/Perth"),
    ("Taipei Standard Time", "Asia/Taipei"),
    ("Tokyo Standard Time", "Asia/Tokyo"),
    ("Korea Standard Time", "Asia/Seoul"),
    ("Cen. Australia Standard Time", "Australia/Adelaide"),
    ("AUS Central Standard Time", "Australia/Darwin"),
    ("E. Australia Standard Time", "Australia/Brisbane"),
    ("AUS Eastern Standard Time", "Australia/Sydney"),
    ("Tasmania Standard Time", "Australia/Hobart"),
    ("West Pacific Standard Time", "Pacific/Port_Moresby"),
    ("New Zealand Standard Time", "Pacific/Auckland"),
    ("UTC+12", "Etc/GMT-12"),
    ("Fiji Standard Time", "Pacific/Fiji"),
    ("Samoa Standard Time", "Pacific/Apia"),
    ("Aleutian Standard Time", "America/Adak"),
    ("Altai Standard Time", "Asia/Barnaul"),
    ("Astrakhan Standard Time", "Europe/Astrakhan"),
    ("Aus Central W. Standard Time", "Australia/Eucla"),
    ("Bahia Standard Time", "America/Bahia"),
    ("Belarus Standard Time", "Europe/Minsk"),
    ("Bougainville Standard Time", "Pacific/Bougainville"),
    ("British Columbia Standard Time", "America/Vancouver"),
    ("Caucasus Standard Time", "Asia/Yerevan"),
    ("Central Asia Standard Time", "Asia/Bishkek"),
    ("Central Brazilian Standard Time", "America/Cuiaba"),
    ("Central Pacific Standard Time", "Pacific/Guadalcanal"),
    ("Chatham Islands Standard Time", "Pacific/Chatham"),
    ("Cuba Standard Time", "America/Havana"),
    ("Easter Island Standard Time", "Pacific/Easter"),
    ("Eastern Standard Time (Mexico)", "America/Cancun"),
    ("Ekaterinburg Standard Time", "Asia/Yekaterinburg"),
    ("Haiti Standard Time", "America/Port-au-Prince"),
    ("Kaliningrad Standard Time", "Europe/Kaliningrad"),
    ("Libya Standard Time", "Africa/Tripoli"),
    ("Line Islands Standard Time", "Pacific/Kiritimati"),
    ("Lord Howe Standard Time", "Australia/Lord_Howe"),
    ("Magadan Standard Time", "Asia/Magadan"),
    ("Magallanes Standard Time", "America/Punta_Arenas"),
    ("Marquesas Standard Time", "Pacific/Marquesas"),
    ("Mauritius Standard Time", "Indian/Mauritius"),
    ("Middle East Standard Time", "Asia/Beirut"),
    ("Montevideo Standard Time", "America/Montevideo"),
    ("Mountain Standard Time (Mexico)", "America/Mazatlan"),
    ("N. Central Asia Standard Time", "Asia/Novosibirsk"),
    ("Namibia Standard Time", "Africa/Windhoek"),
    ("Norfolk Standard Time", "Pacific/Norfolk"),
    ("North Asia East Standard Time", "Asia/Irkutsk"),
    ("North Asia Standard Time", "Asia/Krasnoyarsk"),
    ("North Korea Standard Time", "Asia/Pyongyang"),
    ("Omsk Standard Time", "Asia/Omsk"),
    ("Pacific Standard Time (Mexico)", "America/Tijuana"),
    ("Paraguay Standard Time", "America/Asuncion"),
    ("Qyzylorda Standard Time", "Asia/Qyzylorda"),
    ("Russia Time Zone 10", "Asia/Srednekolymsk"),
    ("Russia Time Zone 11", "Asia/Kamchatka"),
    ("Russia Time Zone 3", "Europe/Samara"),
    ("Saint Pierre Standard Time", "America/Miquelon"),
    ("Sakhalin Standard Time", "Asia/Sakhalin"),
    ("Sao Tome Standard Time", "Africa/Sao_Tome"),
    ("Saratov Standard Time", "Europe/Saratov"),
    ("South Sudan Standard Time", "Africa/Juba"),
    ("Sudan Standard Time", "Africa/Khartoum"),
    ("Syria Standard Time", "Asia/Damascus"),
    ("Tocantins Standard Time", "America/Araguaina"),
    ("Tomsk Standard Time", "Asia/Tomsk"),
    ("Tonga Standard Time", "Pacific/Tongatapu"),
    ("Transbaikal Standard Time", "Asia/Chita"),
    ("Turks And Caicos Standard Time", "America/Grand_Turk"),
    ("UTC+13", "Etc/GMT-13"),
    ("UTC-08", "Etc/GMT+8"),
    ("UTC-09", "Etc/GMT+9"),
    ("Ulaanbaatar Standard Time", "Asia/Ulaanbaatar"),
    ("Vladivostok Standard Time", "Asia/Vladivostok"),
    ("Volgograd Standard Time", "Europe/Volgograd"),
    ("W. Mongolia Standard Time", "Asia/Hovd"),
    ("West Bank Standard Time", "Asia/Hebron"),
    ("Yakutsk Standard Time", "Asia/Yakutsk"),
    ("Yukon Standard Time", "America/Whitehorse"),
];

/// Returns the zone of a Windows or IANA name; refuses an unknown one.
pub(in crate::sim) fn zone(name: &str) -> Result<TimeZone, Refusal> {
    static BUNDLED: OnceLock<TimeZoneDatabase> = OnceLock::new();
    let known = WINDOWS.iter().find(|(windows, _)| windows.eq_ignore_ascii_case(name));
    let iana = known.map_or(name, |(_, iana)| iana);
    if iana == "Etc/UTC" {
        return Ok(TimeZone::UTC);
    }
    BUNDLED.get_or_init(TimeZoneDatabase::bundled).get(iana).map_err(|_| {
        Refusal::new(
            400,
            "TimeZoneNotSupportedException",
            format!("A valid TimeZone value must be specified. Not supported: '{name}'."),
        )
    })
}

/// Returns the Windows name of a zone where there is one, else the name itself.
pub(super) fn windows_name(name: &str) -> &str {
    WINDOWS
        .iter()
        .find(|(windows, iana)| {
            windows.eq_ignore_ascii_case(name) || iana.eq_ignore_ascii_case(name)
        })
        .map_or(name, |(windows, _)| windows)
}

/// Returns the instant of a wall-clock time; a gap is read with the offset before it.
pub(in crate::sim) fn instant(local: DateTime, zone: &TimeZone) -> Result<Timestamp, Refusal> {
    zone.to_ambiguous_timestamp(local)
        .compatible()
        .map_err(|_| property("The date and time lie outside the calendar."))
}

/// Returns the wall-clock time of an instant.
pub(in crate::sim) fn local(at: Timestamp, zone: &TimeZone) -> DateTime {
    zone.to_datetime(at)
}

/// Reads the `dateTime` of a `dateTimeTimeZone`; it carries no offset.
pub(super) fn parse_local(text: &str) -> Result<DateTime, Refusal> {
    let refuse = || property(format!("The value '{text}' is not a date and time without offset."));
    let (date, time) = text.split_once('T').ok_or_else(refuse)?;
    let plain =
        |part: &str, extra: &str| part.chars().all(|c| c.is_ascii_digit() || extra.contains(c));
    if date.len() != 10 || time.len() < 5 || !plain(date, "-") || !plain(time, ":.") {
        return Err(refuse());
    }
    text.parse().map_err(|_| refuse())
}

/// Returns the text form of replies: `2026-11-24T09:00:00.0000000`.
pub(super) fn format_local(at: DateTime) -> String {
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:07}",
        at.year(),
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.subsec_nanosecond() / 100
    )
}

/// Reads an ISO 8601 query parameter; without an offset it is UTC.
pub(super) fn parse_instant(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let local = text.parse::<DateTime>().ok()?;
    TimeZone::UTC.to_timestamp(local).ok()
}
