//! The columns of the tables, as text: `name kind arguments flags`, one column a line.
//!
//! Sources: protocols.md B9 to B12, rules.md §2.1 to 2.6 and §4. Absent: columns that no rule
//! names. The option lists stay on one line each, so some lines are long.

pub(super) const PARTY: &str = "activityid lookup appointment recurringappointmentmaster serviceappointment task phonecall letter fax ro
partyid lookup systemuser contact lead account queue
participationtypemask choice 1=Sender 2=To_Recipient 3=CC_Recipient 4=BCC_Recipient 5=Required_attendee 6=Optional_attendee 7=Organizer 8=Regarding 9=Owner 10=Resource 11=Customer 12=Chat_Participant 13=Related
addressused text 320
unresolvedpartyname text 200
exchangeentryid text 1024
ispartydeleted bool ro
instancetypecode choice 0=Not_Recurring 1=Recurring_Master 2=Recurring_Instance 3=Recurring_Exception 4=Recurring_Future_Exception ro";

pub(super) const USER: &str = "fullname text 200 ro
firstname text 256
lastname text 256
internalemailaddress text 100
domainname text 1024
azureactivedirectoryobjectid id
applicationid id
isdisabled bool
accessmode choice 0=Read-Write 1=Administrative 2=Read 3=Support_User 4=Non-interactive 5=Delegated_Admin
businessunitid lookup businessunit
parentsystemuserid lookup systemuser
defaultmailbox lookup mailbox ro";

pub(super) const USER_SETTINGS: &str = "timezonecode int -1 2147483647
timezonebias int -1500 1500
synccontactcompany bool
autocreatecontactonpromote int 0 1000000000
isautodatacaptureenabled bool";

pub(super) const ZONE: &str = "timezonecode int 0 2147483647
standardname text 100
daylightname text 100
userinterfacename text 100
bias int -1500 1500";

pub(super) const ORGANIZATION: &str = "name text 160
orgdborgsettings text 1073741823
isappointmentattachmentsyncenabled bool
iscontactmailingaddresssyncenabled bool
isassignedtaskssyncenabled bool
appointmentricheditorexperience bool
appointmentwithteamsmeeting bool
appointmentwithteamsmeetingv2 bool
pastexpansionwindow int 1 9999
futureexpansionwindow int 1 9999
recurrenceexpansionsynchcreatemax int 1 1000
recurrenceexpansionjobbatchsize int 1 1000
recurrenceexpansionjobbatchinterval int 1 2147483647
recurrencedefaultnumberofoccurrences int 1 999
defaultrecurrenceendrangetype choice 1=No_End_Date 2=Number_of_Occurrences 3=End_By_Date
maxappointmentdurationdays int 1 99999
maxuploadfilesize int 0 131072000
blockedattachments text 1073741823
blockedmimetypes text 1073741823
requireapprovalforuseremail bool
requireapprovalforqueueemail bool
emailconnectionchannel choice 0=Server-Side_Synchronization 1=Email_Router
performactsyncafter time
expirechangetrackingindays int 0 365
unresolveemailaddressifmultiplematch bool
resolvesimilarunresolvedemailaddress bool
isresourcebookingexchangesyncenabled bool
ismailboxinactivebackoffenabled bool
ismailboxforcedunlockingenabled bool
generatealertsforerrors bool
generatealertsforwarnings bool
generatealertsforinformation bool
notifymailboxownerofemailserverlevelalerts bool
syncoptinselection bool
syncoptinselectionstatus choice 1=Processing 2=Passed 3=Failed";

pub(super) const MAILBOX: &str = "name text 160
emailaddress text 100
regardingobjectid lookup systemuser queue
regardingobjecttypecode text 100 ro
emailserverprofile lookup emailserverprofile
emailrouteraccessapproval choice 0=Empty 1=Approved 2=Pending_Approval 3=Rejected
isemailaddressapprovedbyo365admin bool
actdeliverymethod choice 0=Microsoft_Dynamics_365_for_Outlook 1=Server-Side_Synchronization 2=None
incomingemaildeliverymethod choice 0=None 1=Outlook 2=Server-Side_Synchronization 3=Forward_Mailbox
outgoingemaildeliverymethod choice 0=None 1=Outlook 2=Server-Side_Synchronization
enabledforact bool
enabledforincomingemail bool
enabledforoutgoingemail bool
actstatus choice 0=Not_Run 1=Success 2=Failure
mailboxstatus choice 0=Not_Run 1=Success 2=Failure
testmailboxaccesscompletedon time
testemailconfigurationscheduled bool
testemailconfigurationretrycount int 0 1000000000
receivingpostponeduntilforact time
postponemailboxprocessinguntil time
orgmarkedasprimaryforexchangesync bool
isactsyncorgflagset bool
isforwardmailbox bool
username text 200
ewsurl text 500
lastsyncstartedon time
lastsuccessfulsynccompletedon time
lastsyncerror text 2048
exchangecontactsimportstatus choice 0=NotImported 1=Imported 2=ImportFailed";

pub(super) const PROFILE: &str = "name text 160
servertype choice 0=Exchange_Server 1=Other 2=Exchange_Server_(Hybrid) 3=Exchange_Online_(Hybrid) 4=IMAP/SMTP
incomingauthenticationprotocol choice 0=Auto_Detect 1=Negotiate 2=NTLM 3=Basic 4=OAuth
incomingcredentialretrieval choice 0=User_Or_Queue 1=Profile 2=Server_To_Server 3=Windows 4=Anonymous 5=Gmail 6=Hybrid 7=Entra
incominguseimpersonation bool
useautodiscover bool
incomingserverlocation text 2083
incomingusername text 100
exchangeversion choice 0=2007 1=2007_SP1 2=2010 3=2010_SP1 4=2010_SP2 5=2013
exchangeonlinetenantid text 250
oauthclientid text 250
minpollingintervalinminutes int 0 1440
maxconcurrentconnections int 1 300
timeoutmailboxconnection bool
timeoutmailboxconnectionafteramount int 0 100000";

pub(super) const QUERY: &str = "name text 200 required
fetchxml text 1073741823
layoutxml text 1073741823
returnedtypecode text 64
querytype int 0 1000000000
description text 2000";

pub(super) const COMMON: &str = "overriddencreatedon time create
importsequencenumber int -2147483648 2147483647
timezoneruleversionnumber int -1 2147483647
utcconversiontimezonecode int -1 2147483647";

pub(super) const ACCOUNT: &str = "name text 160 required
accountnumber text 20
emailaddress1 text 100
emailaddress2 text 100
emailaddress3 text 100
telephone1 text 50
websiteurl text 200
description text 2000
primarycontactid lookup contact
parentaccountid lookup account";

pub(super) const LEAD: &str = "subject text 300
firstname text 50
lastname text 50
fullname text 160 ro
companyname text 100
jobtitle text 100
emailaddress1 text 100
emailaddress2 text 100
emailaddress3 text 100
telephone1 text 50
mobilephone text 20
description text 2000";

pub(super) const CONTACT: &str = "firstname text 50
middlename text 50
lastname text 50
fullname text 160 ro
nickname text 100
salutation text 100
suffix text 10
yomifirstname text 150
yomimiddlename text 150
yomilastname text 150
jobtitle text 100
department text 100
emailaddress1 text 100
emailaddress2 text 100
emailaddress3 text 100
telephone1 text 50
telephone2 text 50
telephone3 text 50
business2 text 50
home2 text 50
mobilephone text 50
pager text 50
fax text 50
callback text 50
company text 50
assistantname text 100
assistantphone text 50
managername text 100
managerphone text 50
spousesname text 100
childrensnames text 255
birthdate date
anniversary date
websiteurl text 200
ftpsiteurl text 200
governmentid text 50
description text 2000
parentcustomerid lookup account contact
gendercode choice 1=Male 2=Female
familystatuscode choice 1=Single 2=Married 3=Divorced 4=Widowed
preferredcontactmethodcode choice 1=Any 2=Email 3=Phone 4=Fax 5=Mail
externaluseridentifier text 50
donotemail bool
donotphone bool";

pub(super) const ADDRESS: &str = "address1_name text 200
address1_line1 text 250
address1_line2 text 250
address1_line3 text 250
address1_city text 80
address1_stateorprovince text 50
address1_postalcode text 20
address1_country text 80
address1_county text 50
address1_postofficebox text 20
address1_telephone1 text 50
address1_telephone2 text 50
address1_telephone3 text 50
address1_fax text 50
address1_composite text 1000 ro
address2_name text 100
address2_line1 text 250
address2_line2 text 250
address2_line3 text 250
address2_city text 80
address2_stateorprovince text 50
address2_postalcode text 20
address2_country text 80
address2_county text 50
address2_postofficebox text 20
address2_telephone1 text 50
address2_telephone2 text 50
address2_telephone3 text 50
address2_fax text 50
address3_name text 200
address3_line1 text 250
address3_line2 text 250
address3_line3 text 250
address3_city text 80
address3_stateorprovince text 50
address3_postalcode text 20
address3_country text 80
address3_county text 50
address3_postofficebox text 20
address3_telephone1 text 50
address3_telephone2 text 50
address3_telephone3 text 50
address3_fax text 50";

pub(super) const DETAILS: &str = "subject text 200 required
regardingobjectid lookup account contact lead
activitytypecode text 64 ro
category text 250
subcategory text 250
prioritycode choice 0=Low 1=Normal 2=High
actualstart time
actualdurationminutes int 0 2147483647
ismapiprivate bool
isregularactivity bool ro
isbilled bool
sortdate time";

pub(super) const LONG_TEXT: &str = "description text 1048576";

pub(super) const ACTUAL_END: &str = "actualend time";

pub(super) const TIMES: &str = "scheduledstart time
scheduledend time
scheduleddurationminutes int 0 2147483647";

pub(super) const MEETING_COLUMNS: &str = "location text 200
isalldayevent bool
globalobjectid text 300
outlookownerapptid int -2147483648 2147483647
isonlinemeeting bool
onlinemeetingid text 4000
onlinemeetingjoinurl text 4000
onlinemeetingtype choice 1=Teams";

pub(super) const APPOINTMENT: &str = "isdraft bool
attachmenterrors choice 0=None 1=Attachment_error
instancetypecode choice 0=Not_Recurring 1=Recurring_Master 2=Recurring_Instance 3=Recurring_Exception 4=Recurring_Future_Exception ro
seriesid id ro
originalstartdate time ro
modifiedfieldsmask text 2000 ro
attachmentcount int 0 2147483647 ro
safedescription text 1048576 ro";

pub(super) const SERIES_TIMES: &str = "scheduledstart time ro
scheduledend time ro
actualend time";

pub(super) const SERIES: &str = "recurrencepatterntype choice 0=Daily 1=Weekly 2=Monthly 3=Yearly
interval int 1 1000
daysofweekmask int 1 127
dayofmonth int 1 31
instance choice 1=First 2=Second 3=Third 4=Fourth 5=Last
monthofyear int 0 12
isnthmonthly bool
isnthyearly bool
isweekdaypattern bool
isregenerate bool
firstdayofweek int 0 6
patternstartdate time
patternenddate time
patternendtype choice 1=No_End_Date 2=Number_of_Occurrences 3=Pattern_End_Date
occurrences int 1 999
starttime time
endtime time
duration int 0 2147483647
effectivestartdate time
effectiveenddate time
expansionstatecode choice 0=Unexpanded 1=Partially_expanded 2=Fully_expanded ro
deletedexceptionslist text 1048576 ro
groupid id ro
ruleid id ro
lastexpandedinstancedate time ro
nextexpansioninstancedate time ro
instancetypecode choice 0=Not_Recurring 1=Recurring_Master ro
seriesstatus bool ro";

pub(super) const ATTACHMENT: &str =
    "objectid lookup appointment recurringappointmentmaster serviceappointment
objecttypecode text 64
subject text 2000
filename text 255
mimetype text 256
body text 1073741823
filesize int 0 1000000000 ro
attachmentnumber int 0 1000000000
attachmentcontentid text 250";

pub(super) const SERVICE: &str = "location text 500
isalldayevent bool
serviceid id
siteid id";
