//! The catalogue of rules as implemented: id, one sentence, source.
//!
//! The constants stand at the deciding arms; `lockstep rules` prints the table. A source `BASE Lnn`
//! is a line of Microsoft's synchronization-logic page, `DOC` another Microsoft page, `META` the
//! schema, `PROPOSED` a reading or a design choice of ours.

pub mod pending;

use crate::domain::rule::RuleId;

/// One rule of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The id.
    pub id: RuleId,
    /// What it says.
    pub sentence: &'static str,
    /// Where it stands.
    pub source: &'static str,
}

macro_rules! catalogue {
    ($($name:ident $id:literal $sentence:literal $source:literal;)*) => {
        $(#[doc = $sentence] pub const $name: RuleId = RuleId($id);)*

        /// All rules in the order of the catalogue.
        pub const ALL: &[Rule] = &[
            $(Rule { id: $name, sentence: $sentence, source: $source },)*
        ];
    };
}

catalogue! {
    ELIG_01 "ELIG-01" "Only appointments, contacts and tasks are moved; e-mail never." "BASE L18";
    ELIG_02 "ELIG-02" "Items flow in both directions unless a rule of their kind says otherwise." "BASE L20, L76, L178";
    ELIG_03 "ELIG-03" "A mailbox takes part only when it is approved, tested and enabled, and set to this engine." "BASE L24-28";
    ELIG_04 "ELIG-04" "The mailbox of a queue never takes part." "BASE L24; META";
    ELIG_05 "ELIG-05" "One user has one mailbox and one mailbox has one user." "DOC server-side-synchronization";
    ELIG_06 "ELIG-06" "A mailbox that another organization owns in Exchange does not take part unless it is taken over." "DOC when-would-want-use-check-box";
    ELIG_07 "ELIG-07" "Only Exchange profiles carry appointments, contacts and tasks." "DOC supported-email-service-configurations";
    ELIG_08 "ELIG-08" "Only mailboxes of Exchange Online can be opened through Graph." "DOC supported-email-service-configurations";
    ELIG_10 "ELIG-10" "Approval may be switched off for the organization." "DOC connect-exchange-online; META";
    ELIG_11 "ELIG-11" "Reading and writing happen with the privileges of the mailbox's user." "DOC troubleshooting-monitoring";
    ELIG_12 "ELIG-12" "The mailbox's user must be enabled." "DOC exception-appears-server-side-sync";
    ELIG_13 "ELIG-13" "Two engines never work on one mailbox." "PROPOSED";
    FILT_01 "FILT-01" "A user's filters decide which rows reach Exchange, with that user's privileges." "BASE L40";
    FILT_02 "FILT-02" "A row that matches for the first time is created in Exchange." "BASE L42";
    FILT_03 "FILT-03" "While it matches, its changes are carried to Exchange." "BASE L42, L46";
    FILT_04 "FILT-04" "A row that no longer matches is a delete towards Exchange, as its kind's rules say." "BASE L42, L51";
    FILT_05 "FILT-05" "A delete is physical when the row is gone and logical when it only left the filter." "BASE L42, L215-220";
    FILT_06 "FILT-06" "When told apart, a logical delete only unlinks." "BASE L220; DOC OrgDbOrgSettings";
    FILT_07 "FILT-07" "A contact that changes owner leaves one mailbox and enters the other." "BASE L44-46";
    FILT_08 "FILT-08" "The rules of a kind override the generic create, update and delete." "BASE L51";
    FILT_09 "FILT-09" "Several filters of a table are a union." "DOC configure-default-sync-filters";
    FILT_10 "FILT-10" "Without an active filter nothing of a table reaches Exchange." "DOC configure-default-sync-filters";
    FILT_11 "FILT-11" "Filters are the user's and the system's Outlook filters (querytype 256)." "DOC offline-outlook-filters-templates; META";
    FILT_12 "FILT-12" "Another user's filters are read by query type and owner only." "DOC offline-outlook-filters-templates";
    FILT_13 "FILT-13" "The default appointment filter returns what the user attends or organizes." "DOC appointments-do-not-synchronize";
    FILT_14 "FILT-14" "Party types in filters are taken as they stand; party Owner is not row ownership." "DOC configure-default-sync-filters";
    FILT_15 "FILT-15" "Only contacts and activities have synchronization filters." "COMM";
    FILT_16 "FILT-16" "The first cycle carries rows that existed before." "DOC configure-default-sync-filters";
    FILT_17 "FILT-17" "What left the filter is probed by id before it counts as deleted." "PROPOSED";
    FILT_18 "FILT-18" "A change that takes a row out of the filter is carried before the delete is judged." "PROPOSED";
    LINK_01 "LINK-01" "A linked pair follows changes of either side." "BASE L36, L66";
    LINK_02 "LINK-02" "Exchange items reach Dynamics only with a tracking signal." "BASE L55-59";
    LINK_03 "LINK-03" "A tracked item is created in Dynamics and linked." "BASE L66";
    LINK_04 "LINK-04" "Only the main calendar, the default contact folder and the default list of tasks are synchronized; a folder below the main calendar is not, Graph does not tell it from another calendar." "BASE L62";
    LINK_05 "LINK-05" "The category tracks appointments and tasks, never contacts." "DOC use-outlook-category, track-a-task, track-contacts";
    LINK_06 "LINK-06" "Removing the category unlinks and deletes nothing." "DOC use-outlook-category";
    LINK_07 "LINK-07" "The category is known by its id under every name, and is made again when it was deleted from the master list." "DOC use-outlook-category; META";
    LINK_08 "LINK-08" "Linked items carry the category as a visible marker." "DOC OrgDbOrgSettings, use-outlook-category";
    LINK_13 "LINK-13" "If the organization says so, nobody tracks the meeting of another user." "DOC OrgDbOrgSettings; SETXML";
    LINK_14 "LINK-14" "If the organization says so, an attendee tracks a meeting only when its organizer's mailbox is synchronized." "SETXML";
    LINK_09 "LINK-09" "What a delegate tracks belongs to the owner of the mailbox." "DOC use-outlook-category, use-delegate-access";
    LINK_10 "LINK-10" "What a row regards stays as it is; the company of a contact names its parent; a contact that its user untracked is unlinked and its row stays." "DOC track-message-or-appointment, track-contacts";
    LINK_12 "LINK-12" "Only the calendar item of a meeting is tracked, never its request in the inbox." "COMM";
    ORG_01 "ORG-01" "Only the organizer's mailbox writes and distributes a meeting." "BASE L80";
    ORG_02 "ORG-02" "An appointment without an organizer is not synchronized and says so." "BASE L80";
    ORG_03 "ORG-03" "When the organizer changes, the old one's meeting is cancelled and the new one's is made." "BASE L82; DOC an-appointment-is-canceled-deleted";
    ORG_04 "ORG-04" "The application makes the row of a meeting that its tracker does not organize, unless the organization does not share by itself." "BASE L84-87";
    ORG_05 "ORG-05" "An imported appointment belongs to its organizer if he is a user, else to the tracker." "BASE L89";
    ORG_06 "ORG-06" "Who organizes is judged by the Exchange item." "PROPOSED";
    ORG_07 "ORG-07" "An organizer without an address in Exchange leaves the row's organizer as he is, where the organization says so." "DOC OrgDbOrgSettings; PROPOSED";
    ORG_08 "ORG-08" "A service activity shows the synchronizing person as organizer." "DOC what-fields-synchronized-outlook";
    APPT_OUT_01 "APPT-OUT-01" "An appointment becomes a calendar item." "BASE L93";
    APPT_OUT_02 "APPT-OUT-02" "Completed, canceled and free appointments show as free." "BASE L95";
    APPT_OUT_03 "APPT-OUT-03" "Tentative, busy and out of office keep their names." "DOC what-fields-synchronized-outlook";
    APPT_OUT_04 "APPT-OUT-04" "No reminder for what began more than seven days ago." "BASE L97";
    APPT_OUT_05 "APPT-OUT-05" "No reminder for what shows as free." "BASE L97";
    APPT_OUT_06 "APPT-OUT-06" "Nobody is invited to the past." "BASE L101";
    APPT_OUT_07 "APPT-OUT-07" "Without attendees nobody is invited." "BASE L102";
    APPT_OUT_08 "APPT-OUT-08" "Nobody is invited unless the syncing user organizes." "BASE L103";
    APPT_OUT_09 "APPT-OUT-09" "A change of nothing that attendees see mails nobody." "BASE L104";
    APPT_OUT_10 "APPT-OUT-10" "Exchange free/busy is not checked before writing." "BASE L107";
    APPT_OUT_11 "APPT-OUT-11" "Changes of a past meeting reach Exchange, and its attendees, only if the organization says so." "DOC OrgDbOrgSettings; SETXML";
    APPT_OUT_12 "APPT-OUT-12" "A draft stays in Dynamics until it is sent, where the organization has drafts." "DOC OrgDbOrgSettings";
    APPT_OUT_13 "APPT-OUT-13" "Bodies are plain text; where the organization switched the rich editor on, those of single appointments keep their format both ways." "DOC enable-rich-text-experience";
    APPT_OUT_14 "APPT-OUT-14" "An attendee's mailbox links to its invitation, waits for it, or gets a silent copy." "PROPOSED";
    APPT_OUT_15 "APPT-OUT-15" "Graph cannot suppress mail: no invitation means no attendees or no write." "PROPOSED";
    CXL_01 "CXL-01" "Cancellations are Exchange's own mails." "BASE L111";
    CXL_02 "CXL-02" "No cancellation for the past, by a non-organizer, or without attendees." "BASE L113-117";
    CXL_03 "CXL-03" "Canceling in Dynamics shows as free in Exchange." "BASE L119";
    CXL_04 "CXL-04" "If the organization says so, canceling deletes the meeting in the organizer's mailbox." "BASE L119; DOC OrgDbOrgSettings";
    CXL_05 "CXL-05" "A delete reaches Exchange only if linked, organized by the user and in the future." "BASE L121-126";
    CXL_06 "CXL-06" "Otherwise the Exchange item stays and is unlinked." "BASE L128";
    CXL_07 "CXL-07" "Logical deletes count as deletes unless the organization tells them apart." "BASE L126, L215-220";
    CXL_08 "CXL-08" "The future begins after now." "PROPOSED";
    CXL_09 "CXL-09" "A delete in Exchange spares closed and past rows and those of other organizers." "BASE L149-153";
    CXL_10 "CXL-10" "An exception is one individually changed instance of a series." "BASE L155; META";
    CXL_11 "CXL-11" "A deleted series is deleted in Dynamics even if it is past." "PROPOSED";
    CXL_12 "CXL-12" "A move to another calendar, or a delete that is not applied, only unlinks." "PROPOSED";
    CXL_13 "CXL-13" "A meeting cancelled by its organizer elsewhere is an update, never a delete." "PROPOSED";
    APPT_IN_01 "APPT-IN-01" "A meeting becomes an appointment." "BASE L139";
    APPT_IN_02 "APPT-IN-02" "Free becomes free while the row is open." "BASE L141";
    APPT_IN_03 "APPT-IN-03" "Free on a closed row maps to completed." "BASE L141";
    APPT_IN_04 "APPT-IN-04" "Working elsewhere becomes free." "BASE L141";
    APPT_IN_05 "APPT-IN-05" "Nothing from Exchange reaches a completed or canceled row." "BASE L143";
    APPT_IN_06 "APPT-IN-06" "A row made from a meeting is booked: its parties must be free in Dynamics." "BASE L145";
    APPT_IN_07 "APPT-IN-07" "A scheduling conflict is shown; once its user ignores it, the row is created." "BASE L145; DOC scheduling-conflict-saving-appointment";
    APPT_IN_08 "APPT-IN-08" "What the app tracked is created without the check." "BASE L145";
    APPT_IN_09 "APPT-IN-09" "Privacy flows from Exchange to Dynamics only, when switched on." "DOC OrgDbOrgSettings";
    APPT_IN_10 "APPT-IN-10" "Attendees become parties, resolved or by address." "META";
    APPT_IN_11 "APPT-IN-11" "A tracked meeting links to the row that already exists for it." "META; PROPOSED";
    CONT_01 "CONT-01" "Contacts pair with contacts." "BASE L167";
    CONT_02 "CONT-02" "A delete reaches Exchange only in mailboxes of users who do not own the contact." "BASE L172";
    CONT_03 "CONT-03" "In the owner's mailbox the contact stays and is unlinked." "BASE L172; DOC track-contacts";
    CONT_04 "CONT-04" "A delete in Exchange reaches Dynamics only if the user owns the contact." "BASE L173";
    CONT_05 "CONT-05" "The owner of a row that is gone is the last one known." "PROPOSED";
    CONT_06 "CONT-06" "An owned contact that leaves the filter stays and is unlinked." "BASE L172";
    CONT_07 "CONT-07" "A contact tracked from Exchange that changes its owner follows the rules of every contact." "COMM";
    CONT_08 "CONT-08" "The company is the parent's name; it becomes the one account of exactly that name; the user may switch it off." "DOC what-fields-synchronized-outlook; META";
    CONT_09 "CONT-09" "A contact without a name or with a wrong e-mail address is not tracked, unless the organization lets it." "SETXML; PROPOSED";
    CONT_10 "CONT-10" "What was deleted in Exchange and kept in Dynamics is not recreated." "PROPOSED";
    ADDR_01 "ADDR-01" "By default only the mailing address is synchronized." "BASE L169, L252-254";
    ADDR_02 "ADDR-02" "If the organization says so, all three addresses are." "BASE L256";
    ADDR_03 "ADDR-03" "Business, home and other pair with the first, second and third address." "DOC what-fields-synchronized-outlook";
    ADDR_04 "ADDR-04" "When all addresses begin to take part, those of Dynamics are pushed to Exchange once; an empty address of Exchange then empties none of Dynamics." "BASE L258-261; PROPOSED";
    ASGN_01 "ASGN-01" "The setting for assigned tasks has no effect: To Do does not tell who assigned a task." "BASE L263-265; PROPOSED";
    ASGN_04 "ASGN-04" "The correlation id of an assigned task stays as it is." "META";
    TASK_OUT_01 "TASK-OUT-01" "Tasks, phone calls, letters and faxes become to-do tasks." "BASE L182";
    TASK_OUT_02 "TASK-OUT-02" "An open task due later than a day ago gets a reminder." "BASE L184";
    TASK_OUT_03 "TASK-OUT-03" "The reminder rings at the due time and never flows back." "DOC what-fields-synchronized-outlook";
    TASK_OUT_04 "TASK-OUT-04" "The scheduled end is the due date." "BASE L186";
    TASK_OUT_05 "TASK-OUT-05" "An open task without percentage is not started." "BASE L188-190";
    TASK_OUT_06 "TASK-OUT-06" "A closed task without percentage is completed." "BASE L191";
    TASK_OUT_07 "TASK-OUT-07" "The percentage decides the status when it is given." "PROPOSED";
    TASK_OUT_08 "TASK-OUT-08" "The actual end is the completion date." "BASE L193";
    TASK_OUT_09 "TASK-OUT-09" "A delete reaches Exchange unless the task is completed there." "BASE L195";
    TASK_OUT_10 "TASK-OUT-10" "A task whose actual end has passed is completed, whatever its state." "BASE L197";
    TASK_OUT_11 "TASK-OUT-11" "A start without a due date is left as it is." "DOC what-fields-synchronized-outlook";
    TASK_IN_01 "TASK-IN-01" "A to-do task becomes a task; a linked call, letter or fax keeps its kind." "BASE L201";
    TASK_IN_02 "TASK-IN-02" "Not started becomes not started." "BASE L203";
    TASK_IN_03 "TASK-IN-03" "A task created from Exchange starts now." "BASE L205";
    TASK_IN_04 "TASK-IN-04" "A delete in Exchange deletes the row, as the organization's setting says." "BASE L207";
    TASK_IN_05 "TASK-IN-05" "Completed becomes completed." "BASE L209";
    TASK_IN_06 "TASK-IN-06" "The other statuses pair by name." "PROPOSED";
    FLD_01 "FLD-01" "Directions are the organization's, chosen by an administrator; the tenant file may replace them." "DOC control-field-synchronization-outlook";
    TASK_IN_07 "TASK-IN-07" "Whoever a task was assigned to in Outlook, its row belongs to the mailbox's owner." "DOC use-outlook-category";
    TASK_IN_08 "TASK-IN-08" "A recurring task is not imported." "BASE L269";
    FLD_02 "FLD-02" "A field flows only in the directions set for it." "DOC what-fields-synchronized-outlook; META";
    FLD_03 "FLD-03" "The organization's directions are read where it tells them; else the defaults hold." "META";
    FLD_04 "FLD-04" "A secured column that the user may not read or write is left out on both sides and noted; it empties nothing in Exchange." "DOC how-field-security-affects-synchronization; PROPOSED";
    FLD_05 "FLD-05" "A text too long for its column is cut with a mark and does not echo." "DOC what-fields-synchronized-outlook; PROPOSED";
    CONF_02 "CONF-02" "A new time stamp or change key is no evidence of an edit." "COMM";
    CONF_03 "CONF-03" "Changes in different groups merge; in the same group the written policy decides." "PROPOSED";
    CONF_04 "CONF-04" "Delete against update: the delete rules of the kind decide first." "PROPOSED";
    CONF_05 "CONF-05" "Our own write coming back is acknowledged without a write." "PROPOSED";
    CONF_06 "CONF-06" "A new contact of which Dynamics finds a duplicate waits for its user's decision." "DOC monitor-email-processing-errors";
    RES_01 "RES-01" "Inactive rows and disabled users do not resolve." "DOC OrgDbOrgSettings; META";
    RES_02 "RES-02" "Several rows with one address: synchronized user, user, contact, lead, account, queue; then the oldest." "META; PROPOSED";
    RES_03 "RES-03" "Contacts or leads are made of unknown attendees of a tracked meeting when the user's option says so; of its inviter only as an attendee." "DOC set-personal-options, OrgDbOrgSettings; PROPOSED";
    REC_01 "REC-01" "A series becomes a series with its occurrences." "BASE L139";
    REC_02 "REC-02" "A changed occurrence becomes an exception of the series." "BASE L139";
    REC_03 "REC-03" "Tracking a series mails nobody." "BASE L130-133";
    REC_04 "REC-04" "Past occurrences that were deleted in Exchange are there in a series made in Dynamics, unless switched off." "BASE L135";
    REC_05 "REC-05" "An occurrence outside the expansion window waits for its row." "DOC recurring-appointment-partial-expansion-model";
    REC_06 "REC-06" "Pattern, range and time of a series flow both ways, as one value." "DOC what-fields-synchronized-outlook";
    REC_07 "REC-07" "An exception is known by its original start." "META";
    REC_08 "REC-08" "The category of a series tracks every occurrence." "DOC use-outlook-category";
    REC_09 "REC-09" "A series carries plain text and no attachments." "BASE L247; DOC enable-rich-text-experience";
    REC_10 "REC-10" "Recurring tasks are never synchronized." "BASE L269";
    REC_11 "REC-11" "A series that the other side cannot hold is left alone with a code." "PROPOSED";
    SVC_01 "SVC-01" "A service activity becomes a calendar item." "BASE L159";
    SVC_02 "SVC-02" "A service activity never invites and never cancels." "BASE L161";
    SVC_03 "SVC-03" "Each syncing user has a copy of the service activity in the own mailbox." "BASE L163";
    SVC_04 "SVC-04" "Nothing that is done to a copy of a service activity reaches Dynamics." "DOC what-fields-synchronized-outlook";
    SVC_05 "SVC-05" "A service activity has no attachments in Exchange." "BASE L247";
    SVC_06 "SVC-06" "A copy has no attendees, their names stand in its body; requested and tentative show as tentative, scheduled as busy, closed as free." "PROPOSED";
    ATT_01 "ATT-01" "Files on appointments are not synchronized by default." "BASE L239";
    ATT_02 "ATT-02" "When the organization switches it on, they are, in both directions." "BASE L241-242; META";
    ATT_03 "ATT-03" "Off, they stay where they are." "BASE L246";
    ATT_04 "ATT-04" "Files of recurring and service appointments never move." "BASE L247";
    ATT_05 "ATT-05" "Files move in a lane of their own, within the organization's limits; what fails is marked on the row." "BASE L248; PROPOSED";
    COPY_01 "COPY-01" "A copy of a linked item is ignored." "BASE L229";
    COPY_02 "COPY-02" "If the organization says so, a tracked copy becomes a row of its own." "BASE L229; DOC OrgDbOrgSettings";
    COPY_03 "COPY-03" "A copy carries the marker of an item that still exists; if that is gone, it takes its place." "PROPOSED";
    ERR_01 "ERR-01" "A permanent error stops its mailbox at once, a transient one after ten failures in a row; both are probed slowly and heal by themselves." "DOC troubleshooting-monitoring";
    ERR_02 "ERR-02" "An item in trouble is tried again and never stops its mailbox." "DOC troubleshooting-monitoring";
    ERR_04 "ERR-04" "What stands still is an alert of its item, mailbox or tenant, as information, warning or error; most mailboxes failing within an hour is one of the tenant." "DOC monitor-email-processing-errors; META";
    ERR_05 "ERR-05" "The codes of Microsoft's product lead to ours." "DOC pages of those names";
    SCH_01 "SCH-01" "The wait for the next cycle counts from the end of the last one." "DOC server-side-synchronization";
    SCH_05 "SCH-05" "A cycle that does not end is cut off, and nobody takes part before the instant that the organization names." "META";
    SCH_07 "SCH-07" "A mailbox that was away for however long is reconciled in full." "SETXML";
    SCH_03 "SCH-03" "Nobody must wait for the next cycle: an operator asks for one." "DOC frequently-asked-questions; PROPOSED";
    OPS_01 "OPS-01" "What an operator purges leaves one mailbox and nothing else, and that mailbox takes no part until it is admitted again." "PROPOSED";
    OPS_02 "OPS-02" "An operator can bring back on both sides what was overwritten or deleted, unless somebody changed it since." "PROPOSED";
}
