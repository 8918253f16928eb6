-- What a message says is told from how it was written: a repeat says the same, in whichever envelope, file or line ends it comes.

comment on column message_identity.sha256 is
    'Of what the holder says (segments, without their ends and envelope); of its bytes or its file where it came before schema 5.';
comment on column message.sha256 is 'Of the bytes as they came; of the whole file for a message that came in one.';

alter table message_repeat
    add column transmission_id text collate "C" references transmission,
    add column bytes_offset bigint;
comment on table message_repeat is 'Each time a message arrived again with the same identity and the same content.';
comment on column message_repeat.transmission_id is
    'The file in which it came again among others, at bytes_offset; null where it came by itself, or its whole file came again.';
create unique index message_repeat_place on message_repeat (transmission_id, bytes_offset) where transmission_id is not null;
