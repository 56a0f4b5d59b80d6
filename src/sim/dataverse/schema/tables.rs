//! The tables in text form: names, ownership, states with their statuses, party types.
//!
//! The columns are in `columns`. A state group reads `state=label:status=label,…`; its first
//! status is the default.
use super::columns::{
    ACCOUNT, ACTUAL_END, ADDRESS, APPOINTMENT, ATTACHMENT, COMMON, CONTACT, DETAILS, LEAD,
    LONG_TEXT, MAILBOX, MEETING_COLUMNS, ORGANIZATION, PARTY, PROFILE, QUERY, SERIES, SERIES_TIMES,
    SERVICE, TIMES, USER, USER_SETTINGS, ZONE,
};

/// One table in text form.
pub(super) struct Source {
    pub(super) logical: &'static str,
    pub(super) set: &'static str,
    pub(super) key: &'static str,
    pub(super) primary: &'static str,
    pub(super) owned: bool,
    pub(super) activity: bool,
    /// Has neither creation nor modification columns.
    pub(super) bare: bool,
    pub(super) states: &'static str,
    pub(super) masks: &'static [i64],
    pub(super) columns: &'static [&'static str],
}

const BASE: Source = Source {
    logical: "",
    set: "",
    key: "",
    primary: "name",
    owned: false,
    activity: false,
    bare: false,
    states: "",
    masks: &[],
    columns: &[],
};

const ACTIVITY: Source = Source {
    key: "activityid",
    primary: "subject",
    owned: true,
    activity: true,
    columns: &[],
    ..BASE
};

const ACTIVE: &str = "0=Active:1=Active 1=Inactive:2=Inactive";
const MEETING: &str = "0=Open:1=Free,2=Tentative 1=Completed:3=Completed 2=Canceled:4=Canceled 3=Scheduled:5=Busy,6=Out_of_Office";

pub(super) const SOURCES: &[Source] = &[
    Source {
        logical: "activityparty",
        set: "activityparties",
        key: "activitypartyid",
        primary: "addressused",
        bare: true,
        columns: &[PARTY],
        ..BASE
    },
    Source {
        logical: "systemuser",
        set: "systemusers",
        key: "systemuserid",
        primary: "fullname",
        columns: &[USER],
        ..BASE
    },
    Source {
        logical: "usersettings",
        set: "usersettingscollection",
        key: "systemuserid",
        columns: &[USER_SETTINGS],
        ..BASE
    },
    Source {
        logical: "timezonedefinition",
        set: "timezonedefinitions",
        key: "timezonedefinitionid",
        primary: "userinterfacename",
        columns: &[ZONE],
        ..BASE
    },
    Source {
        logical: "businessunit",
        set: "businessunits",
        key: "businessunitid",
        columns: &["name text 160"],
        ..BASE
    },
    Source {
        logical: "organization",
        set: "organizations",
        key: "organizationid",
        columns: &[ORGANIZATION],
        ..BASE
    },
    Source {
        logical: "mailbox",
        set: "mailboxes",
        key: "mailboxid",
        owned: true,
        states: ACTIVE,
        columns: &[MAILBOX],
        ..BASE
    },
    Source {
        logical: "emailserverprofile",
        set: "emailserverprofiles",
        key: "emailserverprofileid",
        owned: true,
        states: ACTIVE,
        columns: &[PROFILE],
        ..BASE
    },
    Source {
        logical: "userquery",
        set: "userqueries",
        key: "userqueryid",
        owned: true,
        states: ACTIVE,
        columns: &[QUERY, "parentqueryid lookup savedquery"],
        ..BASE
    },
    Source {
        logical: "savedquery",
        set: "savedqueries",
        key: "savedqueryid",
        states: ACTIVE,
        columns: &[QUERY, "isdefault bool"],
        ..BASE
    },
    Source {
        logical: "queue",
        set: "queues",
        key: "queueid",
        owned: true,
        states: ACTIVE,
        columns: &["name text 200 required\nemailaddress text 100\ndescription text 1048576"],
        ..BASE
    },
    Source {
        logical: "account",
        set: "accounts",
        key: "accountid",
        owned: true,
        states: ACTIVE,
        columns: &[COMMON, ACCOUNT],
        ..BASE
    },
    Source {
        logical: "lead",
        set: "leads",
        key: "leadid",
        primary: "fullname",
        owned: true,
        states: "0=Open:1=New,2=Contacted 1=Qualified:3=Qualified 2=Disqualified:4=Lost,5=Cannot_Contact,6=No_Longer_Interested,7=Canceled",
        columns: &[COMMON, LEAD],
        ..BASE
    },
    Source {
        logical: "contact",
        set: "contacts",
        key: "contactid",
        primary: "fullname",
        owned: true,
        states: ACTIVE,
        columns: &[COMMON, CONTACT, ADDRESS],
        ..BASE
    },
    Source {
        logical: "appointment",
        set: "appointments",
        states: MEETING,
        masks: &[5, 6, 7],
        columns: &[COMMON, DETAILS, LONG_TEXT, TIMES, ACTUAL_END, MEETING_COLUMNS, APPOINTMENT],
        ..ACTIVITY
    },
    Source {
        logical: "recurringappointmentmaster",
        set: "recurringappointmentmasters",
        states: MEETING,
        masks: &[5, 6, 7],
        columns: &[COMMON, DETAILS, LONG_TEXT, SERIES_TIMES, MEETING_COLUMNS, SERIES],
        ..ACTIVITY
    },
    Source {
        logical: "serviceappointment",
        set: "serviceappointments",
        states: "0=Open:1=Requested,2=Tentative 1=Closed:8=Completed 2=Canceled:9=Canceled,10=No_Show 3=Scheduled:4=Reserved,3=Pending,6=In_Progress,7=Arrived",
        masks: &[5, 6, 7, 10, 11],
        columns: &[COMMON, DETAILS, LONG_TEXT, TIMES, ACTUAL_END, SERVICE],
        ..ACTIVITY
    },
    Source {
        logical: "activitymimeattachment",
        set: "activitymimeattachments",
        key: "activitymimeattachmentid",
        primary: "filename",
        bare: true,
        columns: &[ATTACHMENT],
        ..BASE
    },
    Source {
        logical: "task",
        set: "tasks",
        states: "0=Open:2=Not_Started,3=In_Progress,4=Waiting_on_someone_else,7=Deferred 1=Completed:5=Completed 2=Canceled:6=Canceled",
        columns: &[
            COMMON,
            DETAILS,
            TIMES,
            "actualend daytime\ndescription text 2000\npercentcomplete int 0 100\n\
             crmtaskassigneduniqueid id",
        ],
        ..ACTIVITY
    },
    Source {
        logical: "phonecall",
        set: "phonecalls",
        states: "0=Open:1=Open 1=Completed:2=Made,4=Received 2=Canceled:3=Canceled",
        masks: &[1, 2],
        columns: &[
            COMMON,
            DETAILS,
            TIMES,
            ACTUAL_END,
            "description text 2000\nphonenumber text 200\ndirectioncode bool\n\
             leftvoicemail bool",
        ],
        ..ACTIVITY
    },
    Source {
        logical: "letter",
        set: "letters",
        states: "0=Open:1=Open,2=Draft 1=Completed:4=Sent,3=Received 2=Canceled:5=Canceled",
        masks: &[1, 2, 4],
        columns: &[
            COMMON,
            DETAILS,
            TIMES,
            ACTUAL_END,
            "description text 2000\naddress text 4000\ndirectioncode bool",
        ],
        ..ACTIVITY
    },
    Source {
        logical: "fax",
        set: "faxes",
        states: "0=Open:1=Open 1=Completed:2=Completed,3=Sent,4=Received 2=Canceled:5=Canceled",
        masks: &[1, 2],
        columns: &[
            COMMON,
            DETAILS,
            TIMES,
            ACTUAL_END,
            "description text 2000\nfaxnumber text 200\ncoverpagename text 100\n\
             tsid text 20\nnumberofpages int 0 1000000000\ndirectioncode bool",
        ],
        ..ACTIVITY
    },
];
