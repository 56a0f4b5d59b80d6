//! Words for subjects, places and notes.

pub(super) const MEETINGS: &[&str] = &[
    "Quarterly review",
    "Kick-off „Nordwind“",
    "Contract talk",
    "Réunion d'équipe",
    "Budget 2027",
    "Interview",
    "Lunch & learn",
    "予算会議",
    "Site visit <Halle 3>",
    "Planejamento trimestral",
    "Stand-up ☕",
    "Steering committee",
];
pub(super) const TASKS: &[&str] = &[
    "Send the offer",
    "Prüfbericht lesen",
    "Renew the insurance",
    "Check invoice",
    "Préparer la démo",
    "Book the hall",
    "見積もりを送る",
    "Clear out the archive",
];
pub(super) const CALLS: &[&str] =
    &["Call back about the delivery", "Rückruf Angebot", "Ask for the drawings"];
pub(super) const LETTERS: &[&str] = &["Letter of thanks", "Kündigung bestätigen", "Reminder"];
pub(super) const FAXES: &[&str] = &["Signed order by fax", "Fax für das Amt", "Customs form"];
pub(super) const SERVICES: &[&str] =
    &["Boiler inspection", "Wartung Aufzug", "Réparation", "Fitting"];
pub(super) const PLACES: &[&str] = &[
    "Room 4.12",
    "Großer Saal",
    "Teams",
    "Café «Le Procope», Paris",
    "Bâtiment B",
    "本社 会議室",
    "",
    "Zimmer 7 / 2. Stock",
];
pub(super) const CITIES: &[(&str, &str, &str, &str)] = &[
    ("Berlin", "Berlin", "10117", "Germany"),
    ("München", "Bayern", "80331", "Germany"),
    ("New York", "NY", "10013", "United States"),
    ("Kolkata", "West Bengal", "700016", "India"),
    ("São Paulo", "SP", "01310-100", "Brazil"),
    ("Sydney", "NSW", "2000", "Australia"),
    ("काठमाडौँ", "Bagmati", "44600", "Nepal"),
    ("東京都千代田区", "東京都", "100-0001", "日本"),
];
pub(super) const STREETS: &[&str] =
    &["Hauptstraße", "Canal Street", "Park Street", "Rua Augusta", "Pitt Street", "丸の内"];
pub(super) const JOBS: &[&str] = &[
    "Head of Purchasing",
    "Geschäftsführerin",
    "Engineer",
    "Directeur général",
    "Sales Manager",
    "課長",
];
pub(super) const DEPARTMENTS: &[&str] = &["Purchasing", "Vertrieb", "R&D", "Qualité", "総務部"];
pub(super) const OUTSIDE: &[&str] = &["proseware", "northwind", "adatum", "litware"];

const SENTENCES: &[&str] = &[
    "The numbers of the last quarter are attached to the offer.",
    "Bitte vorher anrufen; der Pförtner weiß Bescheid.",
    "Asked for a discount of 3 % – not promised.",
    "Il préfère être joint le matin.",
    "Next step: samples by courier.",
    "前回の議事録を確認してください。",
    "“Nothing before Easter”, she said.",
    "Delivery to gate 4, pallets < 1.2 m, tel. ahead & sign.",
];

/// Returns a few sentences, on one line or several.
pub(super) fn note(rng: &mut fastrand::Rng) -> String {
    let count = rng.usize(1..4);
    let glue = if rng.bool() { "\n" } else { " " };
    let parts: Vec<&str> = (0..count).map(|_| SENTENCES[rng.usize(..SENTENCES.len())]).collect();
    parts.join(glue)
}

/// Returns a note that almost fills a column of 2,000 characters.
pub(super) fn long_note(rng: &mut fastrand::Rng) -> String {
    let mut text = String::new();
    let mut length = 0;
    loop {
        let sentence = SENTENCES[rng.usize(..SENTENCES.len())];
        let more = sentence.chars().count() + 1;
        if length + more > 1_999 {
            break;
        }
        text.push_str(sentence);
        text.push('\n');
        length += more;
    }
    text.truncate(text.trim_end().len());
    text
}

/// Returns an HTML body as Outlook's editor writes it.
pub(super) fn html(rng: &mut fastrand::Rng) -> String {
    let escape = |text: &str| {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        text.replace('ß', "&szlig;")
    };
    let paragraphs: String = (0..rng.usize(1..4))
        .map(|_| {
            let sentence = escape(SENTENCES[rng.usize(..SENTENCES.len())]);
            format!("<p style=\"margin:0\">{sentence}</p>\r\n")
        })
        .collect();
    format!(
        "<html><head><style>p {{ color: #222 }}</style></head><body><div>{paragraphs}\
         <ul><li><b>Grüße</b>&nbsp;aus dem Büro</li></ul></div></body></html>"
    )
}

/// Returns a phone number.
pub(super) fn phone(rng: &mut fastrand::Rng) -> String {
    format!(
        "+{} {} {:04}-{:03}",
        rng.u8(30..98),
        rng.u16(20..990),
        rng.u16(..10_000),
        rng.u16(..1_000)
    )
}
