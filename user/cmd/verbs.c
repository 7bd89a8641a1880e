// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table of verbs. */
#include "cmd/cmd.h"

const struct verb verbs[] = {
	{"validate", "FILE", 1, 1, "j", cmd_validate, "show all problems of a topology; change nothing",
	 "Reads FILE and prints every problem as file:line:col: message. Exit code 3 when there is one.", ANYBODY},
	{"load", "FILE", 1, 1, "N", cmd_load, "make the lab, or bring a loaded one to this file",
	 "Makes the namespaces, links, programs and routes of FILE. When a lab of that name is\n"
	 "loaded, only what differs is changed. Returns when every pair of hosts that can talk has\n"
	 "exchanged TCP and UDP; exit code 3 names the pair that could not, and the lab stays."},
	{"plan", "FILE", 1, 1, "j", cmd_plan, "what load would do; exit code 4 when there is something",
	 "Compares FILE with what is loaded and prints what 'load' would change."},
	{"unload", "[LAB]", 0, 1, "l", cmd_unload, "remove all the lab made, and nothing else",
	 "Removes programs, maps, links, namespaces and files of LAB. Safe to run twice, and on a\n"
	 "lab that is half made. Says what a process still holds."},
	{"status", "", 0, 0, "jl", cmd_status, "labs, devices, links with state and counters",
	 "Shows each lab with its hosts, devices and links, what has failed, and where each end of\n"
	 "a link is (namespace and interface). Warns of Azure's limits that are used to 80 % or more,\n"
	 "and of BGP sessions that are down for one. Shows what circuits and gateways carry just now,\n"
	 "of what they carry at most.",
	 MEMBERS},
	{"exec", "HOST -- COMMAND...", 2, -1, "l", cmd_exec, "run a command in a host",
	 "Runs COMMAND with the network of HOST. Example:\n"
	 "  erxdpctl exec hub-vm -- traceroute -n -I 10.2.30.10"},
	{"verify", "[FILE]", 0, 1, "jl", cmd_verify, "check the file's 'expect' entries with real packets",
	 "Checks each entry under 'expect' of the loaded file, or of FILE, and prints a line for each:\n"
	 "those between hosts with real probes, those about routes (at, vm) with the routes that are\n"
	 "loaded. Exit code 3 when one fails. rtt: is the smallest of five round trips."},
	{"routes", "HOST", 1, 1, "jl", cmd_routes, "the effective routes of a host",
	 "Prints the effective routes of a VM in the columns of\n"
	 "'az network nic show-effective-route-table'; for a server, the table of its LAN switch.",
	 MEMBERS},
	{"show", "VIEW ARGUMENT...", 1, -1, "jPel", cmd_show, "the tables that Azure prints, in its words",
	 "Prints what these commands print; --json in their field names and forms:\n"
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
	{"diff", "--az FILE VIEW ARGUMENT...", 1, -1, "jzPel", cmd_diff, "what Azure printed beside what the lab shows",
	 "Compares FILE (- for standard input), which holds what 'az ... -o json' has printed, with\n"
	 "the same view of the lab ('erxdpctl show --help' lists them): rows that are missing or\n"
	 "extra here, and fields that differ. Order, times and counters do not count. Exit code 3\n"
	 "when something differs. Example:\n"
	 "  erxdpctl diff --az er1.json circuit-routes er1 --path primary"},
	{"explain", "SRC DST", 2, 2, "jpSDl", cmd_explain, "device by device: which route, which rule, why silent",
	 "Walks a packet from host SRC to host DST and back through what is loaded, and says at each\n"
	 "device which route it takes, which rule chose it, what lost and why, what happens to the\n"
	 "TTL, and why a hop is silent.",
	 MEMBERS},
	{"reach", "--matrix | SRC DST", 0, 2, "jml", cmd_reach, "who reaches whom, by real packets, beside the routes",
	 "Sends echo requests from host SRC to host DST, or with --matrix from every host to every\n"
	 "other at once, and says beside the answers what the routes say. Exit code 3 when the two\n"
	 "differ, as in a silent failure that nobody has noticed yet."},
	{"fastpath", "on|off|status [CONNECTION]", 1, 2, "jl", cmd_fastpath, "the gateway bypass, live",
	 "Switches FastPath (expressRouteGatewayBypass) of a connection without losing a packet.\n"
	 "status says for each destination whether it is bypassed, and if not which rule forbids it;\n"
	 "without a connection it shows all."},
	{"compare", "SRC DST[:PORT]", 2, 2, "jCGcibl", cmd_compare, "latency with FastPath off and on",
	 "Measures how long a TCP connection and an ICMP echo from host SRC to host DST take with\n"
	 "FastPath off and on, in blocks of 10 (--block), off on on off, 100 samples a side (--count)\n"
	 "20 ms apart (--interval). Prints them as PsPing does, with median, p99, the difference of\n"
	 "the medians with a 95 % interval, and a histogram. --json and --csv have every sample.\n"
	 "FastPath is afterwards as it was before, whatever ends this. Exit code 3 when a rule of\n"
	 "Azure's forbids the bypass. Example:\n"
	 "  erxdpctl compare client-pc 10.128.1.4:3389 --svg fastpath.svg"},
	{"fail", "TARGET", 1, 1, "sMLl", cmd_fail, "take something away",
	 "TARGET is a circuit's path (er1.primary: the link between CE and MSEE only), its edge\n"
	 "router (er1.primary/msee), a circuit (both paths), a connection, a gateway (hub-ergw), an\n"
	 "instance of it (hub-ergw/0) or a router. Routing follows at once; with --silent packets\n"
	 "are lost until a timer of BGP, BFD or IKE notices. --layer arp or bgp breaks a circuit's\n"
	 "path higher up. --maintenance takes a circuit's path or a gateway down and back up as\n"
	 "planned work, and returns when it is over. 'events --follow' shows what happens."},
	{"restore", "TARGET | --all", 0, 1, "al", cmd_restore, "bring it back", "Takes back what 'fail' did."},
	{"impair", "set LINK | show [LINK] | reset LINK|--all", 1, 2, "jaYJORETl", cmd_impair,
	 "delay, loss, rate of links, at run time",
	 "set gives a link (its name as 'status' shows it, or a target of 'fail' for all its links)\n"
	 "delay, jitter, loss, a rate or reordering, in each direction; what is not given stays. show\n"
	 "prints what each wire does, --stats what became of its packets and a histogram of\n"
	 "(actual - asked) delay. reset goes back to what the file's latency: says. Example:\n"
	 "  erxdpctl impair set er1.primary --delay 10ms --loss 0.5"},
	{"capture", "LINK|DEVICE -w FILE", 1, 1, "wcl", cmd_capture, "packets as pcapng, redirected ones included",
	 "Writes what the programs handle on a link (its name as 'status' shows it, or a target of\n"
	 "'fail') or on all ports of a device, with device, ports and verdict in each packet's\n"
	 "comment. Ends with Ctrl-C or after --count packets. '-w -' writes to standard output:\n"
	 "  erxdpctl capture hub-loc1-vpn -w - | tcpdump -nr -"},
	{"counters", "", 0, 0, "jl", cmd_counters, "per path, per device, per drop reason",
	 "Prints packets and bytes of each path, what each device did with its packets, and drops by\n"
	 "reason.",
	 MEMBERS},
	{"events", "", 0, 0, "jfcl", cmd_events, "what the controller has noticed and done",
	 "Prints the events that the lab's controller remembers: faults, carrier, neighbours that fell\n"
	 "silent, sessions, announcements and withdrawals that have crossed them, what a device drops\n"
	 "with a session, best paths, next-hop groups written. --follow goes on with what happens from\n"
	 "now on; --count says how many of the past to show. With --json a line of\n"
	 "JSON each.",
	 MEMBERS},
	{"scenario", "run FILE NAME | list FILE", 2, 3, "jitl", cmd_scenario,
	 "let fail what a file's scenario lists, measure, check",
	 "Lets fail what scenario NAME of FILE lists, checks what it expects then, restores, and checks\n"
	 "FILE's own expectations, while numbered packets go between every two hosts that can talk:\n"
	 "prints for each how long packets were lost, and how much of that time went by until somebody\n"
	 "noticed and until the twin had reacted. A lab that is not loaded is loaded for the time of it.\n"
	 "Exit code 3 when a check failed. list prints the scenarios of FILE.",
	 ANYBODY},
	{},
};
