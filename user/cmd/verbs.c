// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table of verbs. */
#include "cmd/cmd.h"

const struct verb verbs[] = {
	{"validate", "FILE", 1, 1, "j", cmd_validate, "report all problems of a topology; change nothing",
	 "Reads FILE and reports every problem as file:line:column: message. Exit code 3 when there\n"
	 "is one.",
	 ANYBODY},
	{"load", "FILE", 1, 1, "N", cmd_load, "create the lab, or change a loaded one to match FILE",
	 "Creates the namespaces, links, programs and routes of FILE. If a lab of that name is\n"
	 "loaded, changes only what differs. Returns when every pair of hosts that can talk has\n"
	 "exchanged TCP and UDP. Exit code 3 names a pair that could not; the lab is left running."},
	{"plan", "FILE", 1, 1, "j", cmd_plan, "show what load would do; exit code 4 when there is something",
	 "Compares FILE with the loaded lab and prints what 'load' would change."},
	{"unload", "[LAB]", 0, 1, "l", cmd_unload, "remove everything the lab created, and nothing else",
	 "Removes programs, maps, links, namespaces and files of LAB. Can be repeated, and removes an\n"
	 "incomplete lab. Names the processes that still hold something."},
	{"status", "", 0, 0, "jl", cmd_status, "show labs, devices and links with state and counters",
	 "Shows each lab with its hosts, devices and links, what has failed, and the namespace and\n"
	 "interface at each end of a link. Warns of Azure's limits that are used to 80 % or more, and\n"
	 "of BGP sessions that a limit took down. Shows the load of each circuit and gateway against\n"
	 "its limit.",
	 MEMBERS},
	{"exec", "HOST -- COMMAND...", 2, -1, "l", cmd_exec, "run a command on a host",
	 "Runs COMMAND in the network namespace of HOST. Example:\n"
	 "  erxdpctl exec hub-vm -- traceroute -n -I 10.2.30.10"},
	{"verify", "[FILE]", 0, 1, "jl", cmd_verify, "check the file's 'expect' entries with real packets",
	 "Checks each entry under 'expect' of the loaded file, or of FILE, and prints a line for each.\n"
	 "Entries between hosts are checked with real probes, entries about routes (at, vm) against\n"
	 "the loaded routes. rtt: is the smallest of five round trips. Exit code 3 when a check fails."},
	{"routes", "HOST", 1, 1, "jl", cmd_routes, "show the effective routes of a host",
	 "Prints the effective routes of a VM in the columns of\n"
	 "'az network nic show-effective-route-table'; for a server, the table of its LAN switch.",
	 MEMBERS},
	{"show", "VIEW ARGUMENT...", 1, -1, "jPel", cmd_show, "show Azure's tables",
	 "Prints the output of these commands; --json uses their field names and formats:\n"
	 "  effective-routes VM                             az network nic show-effective-route-table\n"
	 "  circuit-routes CIRCUIT --path primary|secondary az network express-route list-route-tables\n"
	 "  circuit-summary CIRCUIT --path ...              ... list-route-tables-summary\n"
	 "  circuit-arp CIRCUIT --path ...                  ... list-arp-tables\n"
	 "  learned-routes GATEWAY                          az network vnet-gateway list-learned-routes\n"
	 "  advertised-routes GATEWAY --peer ADDRESS        ... list-advertised-routes\n"
	 "  bgp-peers GATEWAY                               ... list-bgp-peer-status\n"
	 "  next-hop VM ADDRESS                             az network watcher show-next-hop\n"
	 "  connectivity SRC DST                            az network watcher test-connectivity\n"
	 "  bgp ROUTER                                      a customer router's show ip bgp",
	 MEMBERS},
	{"diff", "--az FILE VIEW ARGUMENT...", 1, -1, "jzPel", cmd_diff, "compare what Azure printed with the lab",
	 "Compares FILE (- for standard input), which holds the output of 'az ... -o json', with the\n"
	 "same view of the lab ('erxdpctl show --help' lists them). Prints rows that are missing or\n"
	 "extra in the lab, and fields that differ; ignores order, times and counters. Exit code 3\n"
	 "when something differs. Example:\n"
	 "  erxdpctl diff --az er1.json circuit-routes er1 --path primary"},
	{"explain", "SRC DST", 2, 2, "jpSDl", cmd_explain, "follow a packet: routes, rules, silent hops",
	 "Follows a packet from host SRC to host DST and back. For each device, prints the route it\n"
	 "takes, the rule that chose it, which routes lost and why, what happens to the TTL, and why a\n"
	 "hop is silent.",
	 MEMBERS},
	{"reach", "--matrix | SRC DST", 0, 2, "jml", cmd_reach,
	 "test which hosts reach each other; compare with the routes",
	 "Sends echo requests from host SRC to host DST, or with --matrix between all pairs of hosts at\n"
	 "once, and compares the answers with the routes. Exit code 3 when they disagree, as in a\n"
	 "silent failure that nothing has noticed yet."},
	{"fastpath", "on|off|status [CONNECTION]", 1, 2, "jl", cmd_fastpath, "switch or show the gateway bypass",
	 "Switches FastPath (expressRouteGatewayBypass) of a connection without losing a packet.\n"
	 "status says for each destination whether it is bypassed and, if not, which rule forbids it;\n"
	 "without a connection it shows all."},
	{"compare", "SRC DST[:PORT]", 2, 2, "jCGcibl", cmd_compare, "measure latency with FastPath off and on",
	 "Measures how long a TCP connection and an ICMP echo from host SRC to host DST take with\n"
	 "FastPath off and on: blocks of 10 samples (--block), off on on off, 100 samples a side\n"
	 "(--count), 20 ms apart (--interval). Prints them the way PsPing does, with median, p99, the\n"
	 "difference of the medians with a 95 % interval, and a histogram. --json and --csv print every\n"
	 "sample. Always restores FastPath. Exit code 3 when one of Azure's rules forbids the bypass.\n"
	 "Example:\n"
	 "  erxdpctl compare client-pc 10.128.1.4:3389 --svg fastpath.svg"},
	{"fail", "TARGET", 1, 1, "sMLl", cmd_fail, "make a link, device or circuit fail",
	 "TARGET is a path of a circuit (er1.primary: only the link between CE and MSEE), its edge\n"
	 "router (er1.primary/msee), a circuit (both paths), a connection, a gateway (hub-ergw), an\n"
	 "instance of a gateway (hub-ergw/0) or a router. Routing reacts at once. With --silent,\n"
	 "packets are lost until a timer of BGP, BFD, OSPF or IKE expires. --layer arp or bgp breaks\n"
	 "ARP or the BGP session of a circuit's path. --maintenance takes a circuit's path or a\n"
	 "gateway down and up again as planned work, and returns when it is over.\n"
	 "'events --follow' shows what happens."},
	{"restore", "TARGET | --all", 0, 1, "al", cmd_restore, "undo fail", "Undoes what 'fail' did."},
	{"impair", "set LINK | show [LINK] | reset LINK|--all", 1, 2, "jaYJORETl", cmd_impair,
	 "set delay, loss or rate of links at run time",
	 "set gives a link (its name as 'status' shows it, or a target of 'fail' for all its links)\n"
	 "delay, jitter, loss, a rate or reordering in each direction; other settings stay. show\n"
	 "prints the settings of each wire; --stats adds what happened to its packets and a histogram\n"
	 "of (actual - requested) delay. reset returns to the latency: of the file. Example:\n"
	 "  erxdpctl impair set er1.primary --delay 10ms --loss 0.5"},
	{"capture", "LINK|DEVICE -w FILE", 1, 1, "wcl", cmd_capture,
	 "write packets as pcapng, redirected ones included",
	 "Writes the packets of a link (its name as 'status' shows it, or a target of 'fail') or of\n"
	 "all ports of a device, with device, ports and verdict in the comment of each packet. Ends\n"
	 "with Ctrl-C or after --count packets. '-w -' writes to standard output:\n"
	 "  erxdpctl capture hub-loc1-vpn -w - | tcpdump -nr -"},
	{"counters", "", 0, 0, "jl", cmd_counters, "show counters per path, per device, per drop reason",
	 "Prints packets and bytes of each path, the outcome of all packets at each device, and drops\n"
	 "by reason.",
	 MEMBERS},
	{"events", "", 0, 0, "jfcl", cmd_events, "show what the controller has noticed and done",
	 "Prints the events that the lab's controller remembers: faults, carrier, silent neighbours,\n"
	 "sessions, announcements and withdrawals that crossed them, what a device discards with a\n"
	 "session, best paths, next-hop groups written. --follow continues with new events; --count\n"
	 "limits the past ones. With --json, each event is a line of JSON.",
	 MEMBERS},
	{"scenario", "run FILE NAME | list FILE", 2, 3, "jitl", cmd_scenario,
	 "make a scenario of a file fail; measure and check",
	 "Makes everything fail that scenario NAME of FILE lists, checks its expectations, restores,\n"
	 "and checks the expectations of FILE. Meanwhile numbered packets flow between every pair of\n"
	 "hosts that can talk. Prints for each direction how long packets were lost, and how much of\n"
	 "that time passed until a device noticed and until the twin had reacted. If the lab is not\n"
	 "loaded, loads it for the run. Exit code 3 when a check failed. list prints the scenarios of\n"
	 "FILE.",
	 ANYBODY},
	{},
};
