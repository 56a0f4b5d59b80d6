//! Names of people in a dozen places, each with its spelling in an address.

/// A name that lives in a time zone.
pub(super) struct Name {
    pub(super) given: &'static str,
    pub(super) surname: String,
    /// The part of the address before the `@`, in ASCII.
    pub(super) local_part: String,
    pub(super) time_zone: &'static str,
}

type Spelled = (&'static str, &'static str);

struct Region {
    time_zone: &'static str,
    given: [Spelled; 6],
    surname: [Spelled; 6],
}

const REGIONS: [Region; 12] = [
    Region {
        time_zone: "Europe/Berlin",
        given: [
            ("Jürgen", "juergen"),
            ("Anke", "anke"),
            ("Zoë", "zoe"),
            ("Matthias", "matthias"),
            ("Käthe", "kaethe"),
            ("Sören", "soeren"),
        ],
        surname: [
            ("Müller", "mueller"),
            ("Groß", "gross"),
            ("Schäfer", "schaefer"),
            ("Öztürk", "oeztuerk"),
            ("Krüger", "krueger"),
            ("Vogt", "vogt"),
        ],
    },
    Region {
        time_zone: "America/New_York",
        given: [
            ("Dana", "dana"),
            ("Marcus", "marcus"),
            ("Renée", "renee"),
            ("Walter", "walter"),
            ("Imani", "imani"),
            ("Joel", "joel"),
        ],
        surname: [
            ("D'Angelo", "dangelo"),
            ("Whitfield", "whitfield"),
            ("O'Rourke", "orourke"),
            ("Castellanos", "castellanos"),
            ("Abernathy", "abernathy"),
            ("Nguyễn", "nguyen"),
        ],
    },
    Region {
        time_zone: "Asia/Kolkata",
        given: [
            ("Priya", "priya"),
            ("Arjun", "arjun"),
            ("Ananya", "ananya"),
            ("Sunil", "sunil"),
            ("Meera", "meera"),
            ("Rohan", "rohan"),
        ],
        surname: [
            ("Nair", "nair"),
            ("Chatterjee", "chatterjee"),
            ("Iyer", "iyer"),
            ("Mukherjee", "mukherjee"),
            ("Rao", "rao"),
            ("Bose", "bose"),
        ],
    },
    Region {
        time_zone: "Australia/Sydney",
        given: [
            ("Lachlan", "lachlan"),
            ("Matilda", "matilda"),
            ("Callum", "callum"),
            ("Kirra", "kirra"),
            ("Bronte", "bronte"),
            ("Declan", "declan"),
        ],
        surname: [
            ("Hargreaves", "hargreaves"),
            ("McAllister", "mcallister"),
            ("Tran", "tran"),
            ("Papas", "papas"),
            ("Wetherill", "wetherill"),
            ("Quinn", "quinn"),
        ],
    },
    Region {
        time_zone: "America/Sao_Paulo",
        given: [
            ("João", "joao"),
            ("Conceição", "conceicao"),
            ("Thaís", "thais"),
            ("Otávio", "otavio"),
            ("Luíza", "luiza"),
            ("Caio", "caio"),
        ],
        surname: [
            ("Ribeiro", "ribeiro"),
            ("Araújo", "araujo"),
            ("Guimarães", "guimaraes"),
            ("Lourenço", "lourenco"),
            ("Tavares", "tavares"),
            ("Moreira", "moreira"),
        ],
    },
    Region {
        time_zone: "Asia/Kathmandu",
        given: [
            ("Sunita", "sunita"),
            ("Bishnu", "bishnu"),
            ("Pemba", "pemba"),
            ("Laxmi", "laxmi"),
            ("Dorje", "dorje"),
            ("Kiran", "kiran"),
        ],
        surname: [
            ("Thapa", "thapa"),
            ("Gurung", "gurung"),
            ("Sherpa", "sherpa"),
            ("Tamang", "tamang"),
            ("Adhikari", "adhikari"),
            ("Rai", "rai"),
        ],
    },
    Region {
        time_zone: "Australia/Lord_Howe",
        given: [
            ("Ned", "ned"),
            ("Clover", "clover"),
            ("Hamish", "hamish"),
            ("Tessa", "tessa"),
            ("Fergus", "fergus"),
            ("Willa", "willa"),
        ],
        surname: [
            ("Nichols", "nichols"),
            ("Thompson", "thompson"),
            ("Wilson", "wilson"),
            ("Shick", "shick"),
            ("Busteed", "busteed"),
            ("Retmock", "retmock"),
        ],
    },
    Region {
        time_zone: "Asia/Tokyo",
        given: [
            ("翔太", "shota"),
            ("美咲", "misaki"),
            ("健一", "kenichi"),
            ("陽菜", "hina"),
            ("蓮", "ren"),
            ("由美子", "yumiko"),
        ],
        surname: [
            ("佐藤", "sato"),
            ("鈴木", "suzuki"),
            ("渡辺", "watanabe"),
            ("伊藤", "ito"),
            ("中村", "nakamura"),
            ("小林", "kobayashi"),
        ],
    },
    Region {
        time_zone: "Europe/Warsaw",
        given: [
            ("Łukasz", "lukasz"),
            ("Agnieszka", "agnieszka"),
            ("Błażej", "blazej"),
            ("Małgorzata", "malgorzata"),
            ("Kuba", "kuba"),
            ("Żaneta", "zaneta"),
        ],
        surname: [
            ("Żółkiewski", "zolkiewski"),
            ("Wiśniewska", "wisniewska"),
            ("Dąbrowski", "dabrowski"),
            ("Kamiński", "kaminski"),
            ("Lewandowska", "lewandowska"),
            ("Zając", "zajac"),
        ],
    },
    Region {
        time_zone: "Europe/Athens",
        given: [
            ("Νίκος", "nikos"),
            ("Ελένη", "eleni"),
            ("Γιώργος", "giorgos"),
            ("Μαρία", "maria"),
            ("Σπύρος", "spyros"),
            ("Άννα", "anna"),
        ],
        surname: [
            ("Παπαδόπουλος", "papadopoulos"),
            ("Οικονόμου", "oikonomou"),
            ("Βλάχος", "vlachos"),
            ("Αγγελίδης", "angelidis"),
            ("Καραγιάννη", "karagianni"),
            ("Ράπτης", "raptis"),
        ],
    },
    Region {
        time_zone: "Africa/Lagos",
        given: [
            ("Chinedu", "chinedu"),
            ("Ọláìtán", "olaitan"),
            ("Ngozi", "ngozi"),
            ("Babátúndé", "babatunde"),
            ("Amina", "amina"),
            ("Ifeoma", "ifeoma"),
        ],
        surname: [
            ("Okafor", "okafor"),
            ("Adébáyọ̀", "adebayo"),
            ("Eze", "eze"),
            ("Bello", "bello"),
            ("Nwosu", "nwosu"),
            ("Ogunleye", "ogunleye"),
        ],
    },
    Region {
        time_zone: "America/St_Johns",
        given: [
            ("Siobhán", "siobhan"),
            ("Gerald", "gerald"),
            ("Máire", "maire"),
            ("Calvin", "calvin"),
            ("Noreen", "noreen"),
            ("Étienne", "etienne"),
        ],
        surname: [
            ("Ó Briain", "obriain"),
            ("Penney", "penney"),
            ("Blake-Rudkowski", "blake-rudkowski"),
            ("Lefèvre", "lefevre"),
            ("Noseworthy", "noseworthy"),
            ("Tulk", "tulk"),
        ],
    },
];

/// Returns the name of the n-th person; `shift` says with whom the list begins.
///
/// The address is unique per `number`: after all pairs of a region are used, a number follows.
pub(super) fn nth(number: usize, shift: usize) -> Name {
    let region = &REGIONS[(number + shift) % REGIONS.len()];
    let round = number / REGIONS.len();
    let (given, given_ascii) = region.given[round % 6];
    let (surname, surname_ascii) = region.surname[(round / 6 + round + shift) % 6];
    let turn = round / 36;
    let suffix = if turn == 0 { String::new() } else { (turn + 1).to_string() };
    let surname = match turn {
        0 => surname.to_owned(),
        _ => format!("{surname} {}", roman(turn + 1)),
    };
    let local_part = format!("{given_ascii}.{surname_ascii}{suffix}");
    Name { given, surname, local_part, time_zone: region.time_zone }
}

/// Returns any name, for contacts and people outside: given, surname, address part.
pub(super) fn any(rng: &mut fastrand::Rng) -> (&'static str, &'static str, String) {
    let region = &REGIONS[rng.usize(..REGIONS.len())];
    let (given, given_ascii) = region.given[rng.usize(..6)];
    let (surname, surname_ascii) = region.surname[rng.usize(..6)];
    (given, surname, format!("{given_ascii}.{surname_ascii}"))
}

// Family names with an ordinal stay names; digits at the end are for items.
fn roman(mut number: usize) -> String {
    let mut text = String::new();
    for (value, letters) in [(10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")] {
        while number >= value {
            text.push_str(letters);
            number -= value;
        }
    }
    text
}
