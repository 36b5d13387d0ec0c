//! What a schema that refers to itself may cost: how deep data may nest for it to be judged.
//!
//! A rule works on the same value as the one around it (`allOf`, `$ref` …) or on one inside that (`properties`, `items` …). A
//! circle that stays with one value would never end and is refused. One that goes into the value ends with the data, but
//! every level may multiply: if the rules of a circle look at a value `fold` times as often as at the one around it, they
//! look at it `fold^depth` times. So data is judged down to the depth at which a value still meets no more rules than a
//! schema without circles may have.

use std::collections::HashMap;

use serde_json::Value;

use super::SchemaRefusal;
use super::bounds::{
    HEIGHT_MAX, Inner, Reach, Trees, inner_of, own_rules, repeats_itself, too_high, too_large,
};
use crate::limits::{JSON_DEPTH_MAX, SCHEMA_RULES_MAX};

/// Most rules of circles that are at work inside each other: each takes a piece of the stack.
const FRAMES_MAX: usize = 512;

/// The deepest data that can be judged, where a value that holds nothing has depth 0; none for a schema without circles.
pub(super) fn depth_max(root: &Value) -> Result<Option<usize>, SchemaRefusal> {
    let mut graph = Graph { root, nodes: Vec::new(), known: HashMap::new() };
    graph.add(root, "", 1)?;
    let circular = graph.reaching_circles(|_| true);
    if !circular.contains(&true) {
        return Ok(None);
    }
    let endless = graph.reaching_circles(|reach| reach == Reach::Same);
    if let Some(at) = endless.iter().position(|endless| *endless) {
        let detail = "refers to itself without going into the value, so it would never end";
        return Err(SchemaRefusal::new(graph.nodes[at].pointer.as_str(), detail));
    }
    let cost = graph.cost(&circular)?;
    if cost.rules.saturating_mul(cost.fold) > SCHEMA_RULES_MAX {
        return Err(too_large(""));
    }
    let by_stack = (FRAMES_MAX / cost.chain).saturating_sub(1);
    Ok(Some(cost.levels().min(by_stack).min(JSON_DEPTH_MAX)))
}

struct Node<'a> {
    schema: &'a Value,
    pointer: String,
    inner: Vec<(usize, Reach)>,
}

/// Every schema that can be reached, and what each leads to.
struct Graph<'a> {
    root: &'a Value,
    nodes: Vec<Node<'a>>,
    /// By place in memory.
    known: HashMap<*const Value, usize>,
}

/// What one evaluation of a circle's schema costs.
#[derive(Debug, Clone, Copy)]
struct Cost {
    /// Rules that look at the same value, with all that leads out of the circles.
    rules: u64,
    /// How often schemas of circles look at one member, and at one item, of the value.
    by_member: u64,
    by_item: u64,
    /// The larger of the two, over all schemas.
    fold: u64,
    /// Schemas inside each other that look at the same value.
    chain: usize,
}

impl Cost {
    /// Levels until a value would meet more rules than allowed.
    fn levels(self) -> usize {
        if self.fold <= 1 {
            return JSON_DEPTH_MAX;
        }
        let mut rules = self.rules.saturating_mul(self.fold);
        let mut levels = 0;
        while rules <= SCHEMA_RULES_MAX {
            rules = rules.saturating_mul(self.fold);
            levels += 1;
        }
        levels
    }
}

impl<'a> Graph<'a> {
    fn add(&mut self, schema: &'a Value, pointer: &str, height: usize) -> Result<usize, SchemaRefusal> {
        let key = std::ptr::from_ref(schema);
        if let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        if height > HEIGHT_MAX {
            return Err(too_high(pointer));
        }
        let node = self.nodes.len();
        self.known.insert(key, node);
        self.nodes.push(Node { schema, pointer: pointer.to_owned(), inner: Vec::new() });
        let mut edges = Vec::new();
        for Inner { schema, place, reach } in inner_of(self.root, schema, pointer)? {
            edges.push((self.add(schema, &place, height + 1)?, reach));
        }
        self.nodes[node].inner = edges;
        Ok(node)
    }

    /// Which schemas lead to a circle by such steps: those that are left when what leads nowhere is taken away time and again.
    fn reaching_circles(&self, step: impl Fn(Reach) -> bool) -> Vec<bool> {
        let mut open = vec![0_usize; self.nodes.len()];
        let mut leading_to = vec![Vec::new(); self.nodes.len()];
        for (from, node) in self.nodes.iter().enumerate() {
            for (to, _) in node.inner.iter().filter(|(_, reach)| step(*reach)) {
                open[from] += 1;
                leading_to[*to].push(from);
            }
        }
        let mut left = vec![true; self.nodes.len()];
        let mut ended: Vec<usize> = (0..open.len()).filter(|node| open[*node] == 0).collect();
        while let Some(node) = ended.pop() {
            left[node] = false;
            for from in &leading_to[node] {
                open[*from] -= 1;
                if open[*from] == 0 {
                    ended.push(*from);
                }
            }
        }
        left
    }

    /// The largest of each number over all schemas that lead to circles. There is no circle of steps that stay with a value.
    fn cost(&self, circular: &[bool]) -> Result<Cost, SchemaRefusal> {
        let mut costs: Vec<Option<Cost>> = vec![None; self.nodes.len()];
        let mut trees = Trees::of_root(self.root);
        let mut most = Cost { rules: 0, by_member: 0, by_item: 0, fold: 1, chain: 1 };
        for node in (0..self.nodes.len()).filter(|node| circular[*node]) {
            let cost = self.cost_of(node, circular, &mut costs, &mut trees)?;
            most.rules = most.rules.max(cost.rules);
            most.fold = most.fold.max(cost.fold);
            most.chain = most.chain.max(cost.chain);
        }
        Ok(most)
    }

    fn cost_of(
        &self,
        node: usize,
        circular: &[bool],
        costs: &mut [Option<Cost>],
        trees: &mut Trees<'a>,
    ) -> Result<Cost, SchemaRefusal> {
        if let Some(cost) = costs[node] {
            return Ok(cost);
        }
        let Node { schema, pointer, inner } = &self.nodes[node];
        let mut cost = Cost { rules: 1 + own_rules(schema), by_member: 0, by_item: 0, fold: 1, chain: 1 };
        // Of these, one looks at a member or an item, whichever it is.
        let (mut one_member, mut one_item) = (0, 0);
        for (to, reach) in inner {
            if !circular[*to] {
                let tree = trees.of(self.nodes[*to].schema, pointer, 1)?;
                cost.rules = cost.rules.saturating_add(tree.rules);
                continue;
            }
            match reach {
                Reach::Same => {
                    let same = self.cost_of(*to, circular, costs, trees)?;
                    cost.rules = cost.rules.saturating_add(same.rules);
                    cost.by_member = cost.by_member.saturating_add(same.by_member);
                    cost.by_item = cost.by_item.saturating_add(same.by_item);
                    cost.chain = cost.chain.max(same.chain + 1);
                }
                Reach::OneMember => one_member = 1,
                Reach::OneItem => one_item = 1,
                Reach::EachMember => cost.by_member = cost.by_member.saturating_add(1),
                Reach::EachItem => cost.by_item = cost.by_item.saturating_add(1),
            }
        }
        cost.by_member = cost.by_member.saturating_add(one_member);
        cost.by_item = cost.by_item.saturating_add(one_item);
        if repeats_itself(schema) {
            cost.rules = cost.rules.saturating_mul(2);
            cost.by_member = cost.by_member.saturating_mul(2);
            cost.by_item = cost.by_item.saturating_mul(2);
        }
        cost.fold = cost.by_member.max(cost.by_item).max(1);
        costs[node] = Some(cost);
        Ok(cost)
    }
}
