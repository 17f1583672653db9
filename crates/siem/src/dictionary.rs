//! The keys that CEF and LEEF define. A key that is not here is not emitted: collectors drop it, or
//! show it to nobody until somebody defines a property for it.
//!
//! - CEF: *ArcSight Common Event Format (CEF) Implementation Standard*, version 27, chapter 2
//!   "ArcSight Extension Dictionary", the keys for event producers. Keys that the consumer sets
//!   (`art`, `at`, `aid`, `eventId`, `rawEvent` ...) are left out on purpose.
//! - LEEF: IBM, *Log Event Extended Format (LEEF) 2.0*, "Predefined LEEF event attributes", without
//!   the reserved ones.

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// Text.
    Text,
    /// A whole number of 32 or 64 bits.
    Integer,
    /// A whole number of 64 bits.
    Long,
    /// A number with a fraction.
    Double,
    /// A time: milliseconds since the Unix epoch, or one of the documented patterns.
    Time,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// An IP address of either version.
    Ip,
    /// A MAC address.
    Mac,
}

/// A key of a dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// As it is written.
    pub name: &'static str,
    /// What its value is.
    pub value: ValueType,
    /// Most characters of a value; zero where the dictionary sets no limit.
    pub max: usize,
}

macro_rules! keys {
    ($(#[$doc:meta])* $table:ident: $($name:literal $value:ident $max:literal;)*) => {
        $(#[$doc])*
        pub const $table: &[Key] =
            &[$(Key { name: $name, value: ValueType::$value, max: $max },)*];
    };
}

keys! {
    /// CEF's dictionary for producers, sorted.
    CEF:
    "act" Text 63;
    "app" Text 31;
    "c6a1" Ipv6 0;
    "c6a1Label" Text 1023;
    "c6a3" Ipv6 0;
    "c6a3Label" Text 1023;
    "c6a4" Ipv6 0;
    "c6a4Label" Text 1023;
    "cat" Text 1023;
    "cfp1" Double 0;
    "cfp1Label" Text 1023;
    "cfp2" Double 0;
    "cfp2Label" Text 1023;
    "cfp3" Double 0;
    "cfp3Label" Text 1023;
    "cfp4" Double 0;
    "cfp4Label" Text 1023;
    "cn1" Long 0;
    "cn1Label" Text 1023;
    "cn2" Long 0;
    "cn2Label" Text 1023;
    "cn3" Long 0;
    "cn3Label" Text 1023;
    "cnt" Integer 0;
    "cs1" Text 4000;
    "cs1Label" Text 1023;
    "cs2" Text 4000;
    "cs2Label" Text 1023;
    "cs3" Text 4000;
    "cs3Label" Text 1023;
    "cs4" Text 4000;
    "cs4Label" Text 1023;
    "cs5" Text 4000;
    "cs5Label" Text 1023;
    "cs6" Text 4000;
    "cs6Label" Text 1023;
    "destinationDnsDomain" Text 255;
    "destinationServiceName" Text 1023;
    "destinationTranslatedAddress" Ipv4 0;
    "destinationTranslatedPort" Integer 0;
    "deviceCustomDate1" Time 0;
    "deviceCustomDate1Label" Text 1023;
    "deviceCustomDate2" Time 0;
    "deviceCustomDate2Label" Text 1023;
    "deviceDirection" Integer 0;
    "deviceDnsDomain" Text 255;
    "deviceExternalId" Text 255;
    "deviceFacility" Text 1023;
    "deviceInboundInterface" Text 128;
    "deviceNtDomain" Text 255;
    "deviceOutboundInterface" Text 128;
    "devicePayloadId" Text 128;
    "deviceProcessName" Text 1023;
    "deviceTranslatedAddress" Ipv4 0;
    "dhost" Text 1023;
    "dmac" Mac 0;
    "dntdom" Text 255;
    "dpid" Integer 0;
    "dpriv" Text 1023;
    "dproc" Text 1023;
    "dpt" Integer 0;
    "dst" Ipv4 0;
    "dtz" Text 255;
    "duid" Text 1023;
    "duser" Text 1023;
    "dvc" Ipv4 0;
    "dvchost" Text 100;
    "dvcpid" Integer 0;
    "end" Time 0;
    "externalId" Text 40;
    "fileCreateTime" Time 0;
    "fileHash" Text 255;
    "fileId" Text 1023;
    "fileModificationTime" Time 0;
    "filePath" Text 1023;
    "filePermission" Text 1023;
    "fileType" Text 1023;
    "flexDate1" Time 0;
    "flexDate1Label" Text 128;
    "flexString1" Text 1023;
    "flexString1Label" Text 128;
    "flexString2" Text 1023;
    "flexString2Label" Text 128;
    "fname" Text 1023;
    "fsize" Integer 0;
    "in" Integer 0;
    "msg" Text 1023;
    "oldFileCreateTime" Time 0;
    "oldFileHash" Text 255;
    "oldFileId" Text 1023;
    "oldFileModificationTime" Time 0;
    "oldFileName" Text 1023;
    "oldFilePath" Text 1023;
    "oldFilePermission" Text 1023;
    "oldFileSize" Integer 0;
    "oldFileType" Text 1023;
    "out" Integer 0;
    "outcome" Text 63;
    "proto" Text 31;
    "reason" Text 1023;
    "request" Text 1023;
    "requestClientApplication" Text 1023;
    "requestContext" Text 2048;
    "requestCookies" Text 1023;
    "requestMethod" Text 1023;
    "rt" Time 0;
    "shost" Text 1023;
    "smac" Mac 0;
    "sntdom" Text 255;
    "sourceDnsDomain" Text 255;
    "sourceServiceName" Text 1023;
    "sourceTranslatedAddress" Ipv4 0;
    "sourceTranslatedPort" Integer 0;
    "spid" Integer 0;
    "spriv" Text 1023;
    "sproc" Text 1023;
    "spt" Integer 0;
    "src" Ipv4 0;
    "start" Time 0;
    "suid" Text 1023;
    "suser" Text 1023;
    "type" Integer 0;
}

keys! {
    /// LEEF's predefined attributes.
    LEEF:
    "cat" Text 0;
    "devTime" Time 0;
    "devTimeFormat" Text 0;
    "proto" Text 0;
    "sev" Integer 0;
    "src" Ip 0;
    "dst" Ip 0;
    "srcPort" Integer 0;
    "dstPort" Integer 0;
    "srcPreNAT" Ip 0;
    "dstPreNAT" Ip 0;
    "srcPostNAT" Ip 0;
    "dstPostNAT" Ip 0;
    "usrName" Text 255;
    "srcMAC" Mac 0;
    "dstMAC" Mac 0;
    "srcPreNATPort" Integer 0;
    "dstPreNATPort" Integer 0;
    "srcPostNATPort" Integer 0;
    "dstPostNATPort" Integer 0;
    "identSrc" Ip 0;
    "identHostName" Text 255;
    "identNetBios" Text 255;
    "identGrpName" Text 255;
    "vSrc" Ip 0;
    "vSrcName" Text 255;
    "accountName" Text 255;
    "srcBytes" Integer 0;
    "dstBytes" Integer 0;
    "srcPackets" Integer 0;
    "dstPackets" Integer 0;
    "totalPackets" Integer 0;
    "role" Text 0;
    "realm" Text 0;
    "policy" Text 0;
    "resource" Text 0;
    "url" Text 0;
    "groupID" Text 0;
    "domain" Text 0;
}

/// The row of this key.
pub fn find(table: &'static [Key], name: &str) -> Option<&'static Key> {
    table.iter().find(|key| key.name == name)
}
