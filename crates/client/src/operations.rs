//! The operations that callers need by name. Anything else goes through [`Connection::call`].

use strongroom_kmip::{
    BlockCipherMode, CryptographicAlgorithm, Encoder, EncodingOption, HashingAlgorithm,
    KeyFormatType, KeyWrapType, NameType, Node, ObjectType, Operation, PaddingMethod,
    ProtocolVersion, QueryFunction, RevocationReasonCode, Tag, View, WrappingMethod,
};
use zeroize::Zeroizing;

use crate::connection::Connection;
use crate::error::Error;
use crate::message::{Reply, missing};

/// How a key is wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapping {
    /// Unique Identifier of the key that wraps.
    pub key: String,
    /// The mode, such as NIST Key Wrap.
    pub mode: BlockCipherMode,
    /// Whether the key's bytes or its encoded Key Value structure is wrapped; the default of the
    /// standard is the latter.
    pub encoding: Option<EncodingOption>,
}

/// A symmetric key as Get returns it and Register takes it.
#[derive(Clone)]
pub struct Key {
    /// The format of the material.
    pub format: KeyFormatType,
    /// The key's bytes, or the wrapped ones.
    pub material: Zeroizing<Vec<u8>>,
    /// Its algorithm, where the server says so.
    pub algorithm: Option<CryptographicAlgorithm>,
    /// Its length in bits, where the server says so.
    pub length: Option<i32>,
    /// How it is wrapped, if it is.
    pub wrapping: Option<Wrapping>,
}

impl Key {
    /// An AES key from its bytes.
    pub fn aes(bytes: &[u8]) -> Self {
        Self {
            format: KeyFormatType::RAW,
            material: Zeroizing::new(bytes.to_vec()),
            algorithm: Some(CryptographicAlgorithm::AES),
            length: i32::try_from(bytes.len() * 8).ok(),
            wrapping: None,
        }
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key")
            .field("format", &self.format)
            .field("bytes", &self.material.len())
            .field("algorithm", &self.algorithm)
            .field("length", &self.length)
            .field("wrapping", &self.wrapping)
            .finish()
    }
}

/// How Encrypt and Decrypt work. The default leaves everything to the key's own parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CipherParameters {
    /// Block cipher mode.
    pub mode: Option<BlockCipherMode>,
    /// Padding.
    pub padding: Option<PaddingMethod>,
    /// Hash, for RSA-OAEP.
    pub hash: Option<HashingAlgorithm>,
    /// Algorithm, where the mode does not tell it (ChaCha20-Poly1305).
    pub algorithm: Option<CryptographicAlgorithm>,
    /// Whether the server makes the IV (a field since 1.2). Without an IV in the request it does
    /// so anyway.
    pub random_iv: Option<bool>,
    /// Bytes of the authentication tag (a field since 1.2).
    pub tag_length: Option<i32>,
}

impl CipherParameters {
    /// AES-GCM with a 16-byte tag.
    pub fn gcm() -> Self {
        Self { mode: Some(BlockCipherMode::GCM), tag_length: Some(16), ..Self::default() }
    }

    fn write(&self, e: &mut Encoder) {
        if *self == Self::default() {
            return;
        }
        e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
            if let Some(mode) = self.mode {
                e.enumeration(Tag::BLOCK_CIPHER_MODE, mode);
            }
            if let Some(padding) = self.padding {
                e.enumeration(Tag::PADDING_METHOD, padding);
            }
            if let Some(hash) = self.hash {
                e.enumeration(Tag::HASHING_ALGORITHM, hash);
            }
            if let Some(algorithm) = self.algorithm {
                e.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, algorithm);
            }
            if let Some(random) = self.random_iv {
                e.boolean(Tag::RANDOM_IV, random);
            }
            if let Some(length) = self.tag_length {
                e.integer(Tag::TAG_LENGTH, length);
            }
        });
    }
}

/// What Encrypt returns and Decrypt takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ciphertext {
    /// The encrypted bytes.
    pub data: Vec<u8>,
    /// IV, counter or nonce: the server's when it made one, otherwise the caller's.
    pub iv: Option<Vec<u8>>,
    /// Authentication tag, in AEAD modes.
    pub tag: Option<Vec<u8>>,
}

impl Connection {
    /// Creates an AES key. `usage` is a Cryptographic Usage Mask.
    ///
    /// # Errors
    /// As [`Connection::call`], for this and every operation below.
    pub fn create_symmetric_key(
        &mut self,
        bits: i32,
        usage: u32,
        name: Option<&str>,
    ) -> Result<String, Error> {
        let version = self.version();
        let mut attributes = vec![
            Node::enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES),
            Node::integer(Tag::CRYPTOGRAPHIC_LENGTH, bits),
        ];
        attributes.extend(usage_and_name(usage, name));
        self.call(Operation::CREATE, |e| {
            e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
            write_attributes(e, version, &attributes);
        })?
        .text(Tag::UNIQUE_IDENTIFIER)
    }

    /// Registers a symmetric key, plain or wrapped.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub fn register_key(
        &mut self,
        key: &Key,
        usage: u32,
        name: Option<&str>,
    ) -> Result<String, Error> {
        let version = self.version();
        let attributes = usage_and_name(usage, name);
        self.call(Operation::REGISTER, |e| {
            e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
            write_attributes(e, version, &attributes);
            e.structure(Tag::SYMMETRIC_KEY, |e| write_key_block(e, key));
        })?
        .text(Tag::UNIQUE_IDENTIFIER)
    }

    /// Activates an object.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub fn activate(&mut self, id: &str) -> Result<(), Error> {
        self.call(Operation::ACTIVATE, |e| e.text(Tag::UNIQUE_IDENTIFIER, id)).map(drop)
    }

    /// Revokes an object: with Key Compromise it becomes Compromised, otherwise Deactivated.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub fn revoke(&mut self, id: &str, reason: RevocationReasonCode) -> Result<(), Error> {
        self.call(Operation::REVOKE, |e| {
            e.text(Tag::UNIQUE_IDENTIFIER, id);
            e.structure(Tag::REVOCATION_REASON, |e| {
                e.enumeration(Tag::REVOCATION_REASON_CODE, reason);
            });
            if reason == RevocationReasonCode::KEY_COMPROMISE {
                e.date_time(Tag::COMPROMISE_OCCURRENCE_DATE, 0);
            }
        })
        .map(drop)
    }

    /// Destroys an object.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub fn destroy(&mut self, id: &str) -> Result<(), Error> {
        self.call(Operation::DESTROY, |e| e.text(Tag::UNIQUE_IDENTIFIER, id)).map(drop)
    }

    /// Gets a symmetric key as the server holds it.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub fn get(&mut self, id: &str) -> Result<Key, Error> {
        let reply = self.call(Operation::GET, |e| e.text(Tag::UNIQUE_IDENTIFIER, id))?;
        read_key(&reply)
    }

    /// Gets a symmetric key wrapped.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub fn get_wrapped(&mut self, id: &str, wrapping: &Wrapping) -> Result<Key, Error> {
        let reply = self.call(Operation::GET, |e| {
            e.text(Tag::UNIQUE_IDENTIFIER, id);
            e.structure(Tag::KEY_WRAPPING_SPECIFICATION, |e| write_wrapping(e, wrapping));
        })?;
        read_key(&reply)
    }

    /// Gets a key that was registered wrapped, unwrapped by the server (Key Wrap Type, 1.4 on).
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub fn get_unwrapped(&mut self, id: &str) -> Result<Key, Error> {
        let reply = self.call(Operation::GET, |e| {
            e.text(Tag::UNIQUE_IDENTIFIER, id);
            e.enumeration(Tag::KEY_WRAP_TYPE, KeyWrapType::NOT_WRAPPED);
        })?;
        read_key(&reply)
    }

    /// Encrypts. Without an IV the server makes one and [`Ciphertext::iv`] holds it.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub fn encrypt(
        &mut self,
        id: &str,
        parameters: &CipherParameters,
        iv: Option<&[u8]>,
        additional: &[u8],
        data: &[u8],
    ) -> Result<Ciphertext, Error> {
        let reply = self.call(Operation::ENCRYPT, |e| {
            e.text(Tag::UNIQUE_IDENTIFIER, id);
            parameters.write(e);
            e.bytes(Tag::DATA, data);
            write_iv_and_additional(e, iv, additional);
        })?;
        Ok(Ciphertext {
            data: reply.bytes(Tag::DATA)?,
            iv: reply.bytes(Tag::IV_COUNTER_NONCE).ok().or_else(|| iv.map(<[u8]>::to_vec)),
            tag: reply.bytes(Tag::AUTHENTICATED_ENCRYPTION_TAG).ok(),
        })
    }

    /// Decrypts what [`encrypt`](Self::encrypt) returned.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub fn decrypt(
        &mut self,
        id: &str,
        parameters: &CipherParameters,
        additional: &[u8],
        ciphertext: &Ciphertext,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let reply = self.call(Operation::DECRYPT, |e| {
            e.text(Tag::UNIQUE_IDENTIFIER, id);
            parameters.write(e);
            e.bytes(Tag::DATA, &ciphertext.data);
            write_iv_and_additional(e, ciphertext.iv.as_deref(), additional);
            if let Some(tag) = &ciphertext.tag {
                e.bytes(Tag::AUTHENTICATED_ENCRYPTION_TAG, tag);
            }
        })?;
        // An empty plaintext may travel as no Data at all.
        Ok(Zeroizing::new(reply.bytes(Tag::DATA).unwrap_or_default()))
    }

    /// The identifiers of all objects with this name.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub fn locate_by_name(&mut self, name: &str) -> Result<Vec<String>, Error> {
        let version = self.version();
        let reply = self.call(Operation::LOCATE, |e| {
            write_filter(e, version, &[name_attribute(name)]);
        })?;
        Ok(reply
            .payload()
            .into_iter()
            .flat_map(|p| p.find_all(Tag::UNIQUE_IDENTIFIER))
            .filter_map(|id| id.as_text().map(str::to_owned))
            .collect())
    }

    /// Asks for facts about the server.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub fn query(&mut self, functions: &[QueryFunction]) -> Result<Reply, Error> {
        self.call(Operation::QUERY, |e| {
            for function in functions {
                e.enumeration(Tag::QUERY_FUNCTION, *function);
            }
        })
    }

    /// The operations that the server says it offers.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub fn operations(&mut self) -> Result<Vec<Operation>, Error> {
        let reply = self.query(&[QueryFunction::QUERY_OPERATIONS])?;
        Ok(reply
            .payload()
            .into_iter()
            .flat_map(|p| p.find_all(Tag::OPERATION))
            .filter_map(|o| o.as_enumeration().map(Operation))
            .collect())
    }

    /// The versions that the server speaks, in its order of preference.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub fn discover_versions(&mut self) -> Result<Vec<ProtocolVersion>, Error> {
        let reply = self.call(Operation::DISCOVER_VERSIONS, |_| {})?;
        let number =
            |v: View<'_>, tag| v.find(tag)?.as_integer().and_then(|n| u16::try_from(n).ok());
        Ok(reply
            .payload()
            .into_iter()
            .flat_map(|p| p.find_all(Tag::PROTOCOL_VERSION))
            .filter_map(|v| {
                let major = number(v, Tag::PROTOCOL_VERSION_MAJOR)?;
                let minor = number(v, Tag::PROTOCOL_VERSION_MINOR)?;
                Some(ProtocolVersion::new(major, minor))
            })
            .collect())
    }
}

fn usage_and_name(usage: u32, name: Option<&str>) -> Vec<Node> {
    let mask =
        Node::integer(Tag::CRYPTOGRAPHIC_USAGE_MASK, i32::from_ne_bytes(usage.to_ne_bytes()));
    [mask].into_iter().chain(name.map(name_attribute)).collect()
}

fn name_attribute(name: &str) -> Node {
    Node::structure(
        Tag::NAME,
        vec![
            Node::text(Tag::NAME_VALUE, name),
            Node::enumeration(Tag::NAME_TYPE, NameType::UNINTERPRETED_TEXT_STRING),
        ],
    )
}

/// A new object's attributes: Template-Attribute until 1.4, Attributes from 2.0 on.
fn write_attributes(e: &mut Encoder, version: ProtocolVersion, attributes: &[Node]) {
    if version.has_attributes_structure() {
        e.structure(Tag::ATTRIBUTES, |e| attributes.iter().for_each(|a| e.node(a)));
    } else {
        e.structure(Tag::TEMPLATE_ATTRIBUTE, |e| write_old_attributes(e, attributes));
    }
}

/// Locate's filter: bare Attribute items until 1.4.
fn write_filter(e: &mut Encoder, version: ProtocolVersion, attributes: &[Node]) {
    if version.has_attributes_structure() {
        write_attributes(e, version, attributes);
    } else {
        write_old_attributes(e, attributes);
    }
}

fn write_old_attributes(e: &mut Encoder, attributes: &[Node]) {
    for attribute in attributes {
        let Some(info) = attribute.tag.info() else { continue };
        e.structure(Tag::ATTRIBUTE, |e| {
            e.text(Tag::ATTRIBUTE_NAME, info.name);
            e.value(Tag::ATTRIBUTE_VALUE, &attribute.value);
        });
    }
}

fn write_iv_and_additional(e: &mut Encoder, iv: Option<&[u8]>, additional: &[u8]) {
    if let Some(iv) = iv {
        e.bytes(Tag::IV_COUNTER_NONCE, iv);
    }
    if !additional.is_empty() {
        e.bytes(Tag::AUTHENTICATED_ENCRYPTION_ADDITIONAL_DATA, additional);
    }
}

/// The fields that Key Wrapping Specification and Key Wrapping Data share.
fn write_wrapping(e: &mut Encoder, wrapping: &Wrapping) {
    e.enumeration(Tag::WRAPPING_METHOD, WrappingMethod::ENCRYPT);
    e.structure(Tag::ENCRYPTION_KEY_INFORMATION, |e| {
        e.text(Tag::UNIQUE_IDENTIFIER, &wrapping.key);
        e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
            e.enumeration(Tag::BLOCK_CIPHER_MODE, wrapping.mode);
        });
    });
    if let Some(encoding) = wrapping.encoding {
        e.enumeration(Tag::ENCODING_OPTION, encoding);
    }
}

fn write_key_block(e: &mut Encoder, key: &Key) {
    e.structure(Tag::KEY_BLOCK, |e| {
        e.enumeration(Tag::KEY_FORMAT_TYPE, key.format);
        if key.wrapping.is_some() {
            e.bytes(Tag::KEY_VALUE, &key.material);
        } else {
            e.structure(Tag::KEY_VALUE, |e| e.bytes(Tag::KEY_MATERIAL, &key.material));
        }
        if let Some(algorithm) = key.algorithm {
            e.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, algorithm);
        }
        if let Some(length) = key.length {
            e.integer(Tag::CRYPTOGRAPHIC_LENGTH, length);
        }
        if let Some(wrapping) = &key.wrapping {
            e.structure(Tag::KEY_WRAPPING_DATA, |e| write_wrapping(e, wrapping));
        }
    });
}

fn read_key(reply: &Reply) -> Result<Key, Error> {
    let object = reply.field(Tag::SYMMETRIC_KEY)?;
    let block = object.find(Tag::KEY_BLOCK).ok_or_else(|| missing(Tag::KEY_BLOCK))?;
    let value = block.find(Tag::KEY_VALUE).ok_or_else(|| missing(Tag::KEY_VALUE))?;
    // Wrapped, the Key Value is the wrapped bytes themselves.
    let material = value
        .as_bytes()
        .or_else(|| value.find(Tag::KEY_MATERIAL).and_then(|m| m.as_bytes()))
        .ok_or_else(|| missing(Tag::KEY_MATERIAL))?;
    let enumeration = |tag| block.find(tag).and_then(|f| f.as_enumeration());
    Ok(Key {
        format: enumeration(Tag::KEY_FORMAT_TYPE)
            .map(KeyFormatType)
            .ok_or_else(|| missing(Tag::KEY_FORMAT_TYPE))?,
        material: Zeroizing::new(material.to_vec()),
        algorithm: enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM).map(CryptographicAlgorithm),
        length: block.find(Tag::CRYPTOGRAPHIC_LENGTH).and_then(|l| l.as_integer()),
        wrapping: block.find(Tag::KEY_WRAPPING_DATA).and_then(read_wrapping),
    })
}

fn read_wrapping(data: View<'_>) -> Option<Wrapping> {
    let information = data.find(Tag::ENCRYPTION_KEY_INFORMATION)?;
    let mode = information
        .find(Tag::CRYPTOGRAPHIC_PARAMETERS)
        .and_then(|p| p.find(Tag::BLOCK_CIPHER_MODE))
        .and_then(|m| m.as_enumeration())
        .map_or(BlockCipherMode::NISTKEYWRAP, BlockCipherMode);
    Some(Wrapping {
        key: information.find(Tag::UNIQUE_IDENTIFIER)?.as_text()?.to_owned(),
        mode,
        encoding: data
            .find(Tag::ENCODING_OPTION)
            .and_then(|o| o.as_enumeration())
            .map(EncodingOption),
    })
}

#[cfg(test)]
mod tests {
    use strongroom_kmip::{Limits, RequestBuilder};

    use super::*;

    fn parse(bytes: &[u8]) -> Node {
        View::parse(bytes, &Limits::default()).unwrap().into()
    }

    #[test]
    fn a_key_reads_back_as_it_was_written() {
        let mut key = Key::aes(&[7; 16]);
        key.wrapping = Some(Wrapping {
            key: "kek".to_owned(),
            mode: BlockCipherMode::NISTKEYWRAP,
            encoding: Some(EncodingOption::NO_ENCODING),
        });
        let mut e = Encoder::ungated();
        e.structure(Tag::RESPONSE_MESSAGE, |e| {
            e.structure(Tag::BATCH_ITEM, |e| {
                e.enumeration(Tag::RESULT_STATUS, 0_u32);
                e.structure(Tag::RESPONSE_PAYLOAD, |e| {
                    e.structure(Tag::SYMMETRIC_KEY, |e| write_key_block(e, &key));
                });
            });
        });
        let reply = Reply::read(e.into_bytes(), Operation::GET, &Limits::default()).unwrap();
        let back = read_key(&reply).unwrap();
        assert_eq!(back.material, key.material);
        assert_eq!(back.wrapping, key.wrapping);
        assert_eq!(back.length, Some(128));
    }

    #[test]
    fn a_refusal_carries_the_reason_and_the_message() {
        let mut e = Encoder::ungated();
        e.structure(Tag::RESPONSE_MESSAGE, |e| {
            e.structure(Tag::BATCH_ITEM, |e| {
                e.enumeration(Tag::RESULT_STATUS, 1_u32);
                e.enumeration(Tag::RESULT_REASON, 1_u32);
                e.text(Tag::RESULT_MESSAGE, "no such object");
            });
        });
        let error = Reply::read(e.into_bytes(), Operation::GET, &Limits::default()).unwrap_err();
        assert_eq!(error.to_string(), "Get refused: Item Not Found: no such object");
    }

    #[test]
    fn attributes_travel_in_the_manner_of_the_version() {
        let attributes = usage_and_name(12, Some("n"));
        for (version, tag) in [
            (ProtocolVersion::V1_0, Tag::TEMPLATE_ATTRIBUTE),
            (ProtocolVersion::V2_1, Tag::ATTRIBUTES),
        ] {
            let request = RequestBuilder::new(version)
                .item(Operation::CREATE, |e| write_attributes(e, version, &attributes))
                .finish();
            let message = parse(&request);
            let payload = message.find(Tag::BATCH_ITEM).and_then(|i| i.find(Tag::REQUEST_PAYLOAD));
            assert_eq!(payload.unwrap().find(tag).unwrap().children().len(), 2);
        }
    }
}
