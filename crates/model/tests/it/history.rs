//! Histories of three sites that act, and now and then hear of each other: who knew what when
//! is known here without the model's help, so that its answers can be checked.

use proptest::collection::vec;
use proptest::prelude::*;
use strongroom_model::{
    Change, ChangeKind, Counter, HybridClock, Lifecycle, ManagedObject, Role, SealedMaterial,
    ServerState, Stamp,
};

use crate::arb;
use crate::laws::{Verdict, same};
use crate::rules::{Rules, State};

const SITES: usize = 3;
const SUBJECT: &str = "group:ops";
const OPERATION: u32 = 10;
const USER: &str = "alice";

/// What one site does next.
#[derive(Clone, Debug)]
pub struct Step {
    site: usize,
    action: Action,
}

#[derive(Clone, Debug)]
enum Action {
    Grant,
    Ungrant,
    GrantRole(Role),
    RevokeRole(Role),
    Move(Lifecycle),
    Compromise,
    Rewrap(u32),
    Reserve(u64),
    /// Hears all that the other site knows.
    Hear(usize),
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let role = prop_oneof![Just(Role::KeyUser), Just(Role::CryptoOfficer)];
    let action = prop_oneof![
        4 => Just(Action::Grant),
        4 => Just(Action::Ungrant),
        4 => role.clone().prop_map(Action::GrantRole),
        4 => role.prop_map(Action::RevokeRole),
        2 => arb::lifecycle().prop_map(Action::Move),
        1 => Just(Action::Compromise),
        1 => (1..4u32).prop_map(Action::Rewrap),
        1 => (1..9u64).prop_map(Action::Reserve),
        8 => (0..SITES).prop_map(Action::Hear),
    ];
    vec((0..SITES, action).prop_map(|(site, action)| Step { site, action }), 0..24)
}

struct Site {
    object: ManagedObject,
    server: ServerState,
    clock: HybridClock,
    /// Which changes the site knows: one bit each.
    known: u64,
}

struct World {
    sites: Vec<Site>,
    /// Every change, with what its author knew before.
    changes: Vec<(Change, u64)>,
}

fn play(
    rules: &dyn Rules,
    steps: &[Step],
    mut watch: impl FnMut(&Site, &Site) -> Verdict,
) -> Result<World, String> {
    let mut world = World { sites: (0..SITES).map(|_| new_site()).collect(), changes: Vec::new() };
    for (now, step) in steps.iter().enumerate() {
        let before = copy(&world.sites[step.site]);
        match &step.action {
            Action::Hear(other) => hear(rules, &mut world.sites, step.site, *other),
            action => act(rules, &mut world, step.site, action, now as i64),
        }
        watch(&before, &world.sites[step.site])?;
    }
    // In the end every site hears of all.
    for _ in 0..2 {
        for to in 0..SITES {
            for from in 0..SITES {
                hear(rules, &mut world.sites, to, from);
            }
        }
    }
    Ok(world)
}

fn new_site() -> Site {
    Site {
        object: State::bottom(),
        server: State::bottom(),
        clock: HybridClock::default(),
        known: 0,
    }
}

fn copy(site: &Site) -> Site {
    Site { object: site.object.clone(), server: site.server.clone(), ..*site }
}

fn hear(rules: &dyn Rules, sites: &mut [Site], to: usize, from: usize) {
    if to == from {
        return;
    }
    let other = copy(&sites[from]);
    let site = &mut sites[to];
    site.object.join_by(rules, &other.object);
    site.server.join_by(rules, &other.server);
    site.clock.observe(other.clock.last());
    site.known |= other.known;
}

fn act(rules: &dyn Rules, world: &mut World, at: usize, action: &Action, now: i64) {
    let site = &mut world.sites[at];
    let id = arb::ID.into();
    let move_to = |lifecycle, compromised| Change::Changed {
        kind: ChangeKind::Attributes,
        id: arb::ID.into(),
        lifecycle,
        compromised,
        sets: Vec::new(),
    };
    let change = match action {
        Action::Grant => {
            let contest = site.object.grants.get(&(SUBJECT.to_owned(), OPERATION));
            let seen = contest.map(|c| c.strong_seen()).unwrap_or_default();
            Change::Granted { id, subject: SUBJECT.to_owned(), operation: OPERATION, seen }
        }
        Action::Ungrant => {
            Change::GrantRevoked { id, subject: SUBJECT.to_owned(), operation: OPERATION }
        }
        Action::GrantRole(role) => {
            let contest = site.server.roles.get(&(USER.to_owned(), *role));
            let seen = contest.map(|c| c.strong_seen()).unwrap_or_default();
            Change::RoleGranted { user: USER.to_owned(), role: *role, seen }
        }
        Action::RevokeRole(role) => Change::RoleRevoked { user: USER.to_owned(), role: *role },
        Action::Move(lifecycle) => move_to(Some(*lifecycle), false),
        Action::Compromise => move_to(None, true),
        Action::Rewrap(epoch) => Change::Rewrapped {
            id,
            material: SealedMaterial { epoch: *epoch, version: 1, digest: [7; 32], bytes: vec![7] },
        },
        Action::Reserve(upto) => Change::Reserved { id, counter: Counter::Usage, upto: *upto },
        Action::Hear(_) => return,
    };
    let stamp = Stamp { hlc: site.clock.tick(now), site: at as u32 + 1 };
    site.object.apply_by(rules, stamp, &change);
    site.server.apply_by(rules, stamp, &change);
    let bit = 1 << world.changes.len();
    world.changes.push((change, site.known));
    site.known |= bit;
}

/// The rule in plain words: it holds if some grant was made knowing of every removal.
fn holds(
    world: &World,
    granted: impl Fn(&Change) -> bool,
    removed: impl Fn(&Change) -> bool,
) -> bool {
    let removals: u64 = world
        .changes
        .iter()
        .enumerate()
        .filter(|(_, (change, _))| removed(change))
        .map(|(at, _)| 1u64 << at)
        .sum();
    world.changes.iter().any(|(change, knew)| granted(change) && knew & removals == removals)
}

fn quiet(_: &Site, _: &Site) -> Verdict {
    Ok(())
}

pub fn grants(rules: &dyn Rules, steps: &[Step]) -> Verdict {
    let world = play(rules, steps, quiet)?;
    let expected = holds(
        &world,
        |c| matches!(c, Change::Granted { .. }),
        |c| matches!(c, Change::GrantRevoked { .. }),
    );
    let contest = world.sites[0].object.grants.get(&(SUBJECT.to_owned(), OPERATION));
    same("granted, in force", expected, contest.is_some_and(|c| c.weak_holds()))
}

pub fn roles(rules: &dyn Rules, steps: &[Step]) -> Verdict {
    let world = play(rules, steps, quiet)?;
    let held: Vec<Role> = [Role::CryptoOfficer, Role::KeyUser]
        .into_iter()
        .filter(|wanted| {
            holds(
                &world,
                |c| matches!(c, Change::RoleGranted { role, .. } if role == wanted),
                |c| matches!(c, Change::RoleRevoked { role, .. } if role == wanted),
            )
        })
        .collect();
    // Duties are exclusive: two are as good as none.
    let expected = if let [role] = held.as_slice() { Some(*role) } else { None };
    same("role granted, role held", expected, world.sites[0].server.role_of(USER))
}

pub fn converge(rules: &dyn Rules, steps: &[Step]) -> Verdict {
    let world = play(rules, steps, quiet)?;
    for site in &world.sites[1..] {
        same("first site's object, another's", &world.sites[0].object, &site.object)?;
        same("first site's server state, another's", &world.sites[0].server, &site.server)?;
    }
    Ok(())
}

pub fn monotone(rules: &dyn Rules, steps: &[Step]) -> Verdict {
    let watch = |before: &Site, after: &Site| {
        let (old, new) = (&before.object, &after.object);
        if new.lifecycle < old.lifecycle {
            return Err(format!("{:?} became {:?}", old.lifecycle, new.lifecycle));
        }
        if old.compromised && !new.compromised {
            return Err("compromised was taken back".to_owned());
        }
        if new.lifecycle == Lifecycle::Destroyed && new.material.is_some() {
            return Err("a destroyed object has material".to_owned());
        }
        for (key, upto) in &old.counters {
            if new.counters.get(key).is_none_or(|now| now < upto) {
                return Err(format!("the counter {key:?} went back from {upto}"));
            }
        }
        Ok(())
    };
    play(rules, steps, watch).map(drop)
}
