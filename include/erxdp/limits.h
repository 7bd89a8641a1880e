/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sizes of the maps and bounds of the packet walk. A lab that needs more is
 * refused in words before anything is made.
 */
#ifndef ERXDP_LIMITS_H
#define ERXDP_LIMITS_H

/* Interface indexes of a lab's ports start here: port p has index 1000 + p, so
 * that the two ends of a veth pair never share an index (with equal indexes the
 * loss of carrier is reported up to a second late). */
#define ERX_FIRST_IFINDEX   1000
#define ERX_MAX_PORTS	    16384
#define ERX_MAX_DEVICES	    4096
#define ERX_MAX_ROUTES	    (1 << 21)
#define ERX_MAX_GROUPS	    16384
#define ERX_MAX_MEMBERS	    16 /* Azure: 4 circuits x 2 paths; a LAN may have more routers */
#define ERX_MAX_ADJACENCIES 32768
#define ERX_MAX_PATHS	    16384
#define ERX_MAX_LEGS	    65536
#define ERX_MAX_POLICY_SETS 32
#define ERX_MAX_METERS	    4096
#define ERX_MAX_FLOWS	    (1 << 20) /* through gateways: Azure's largest single figure is a million */
#define ERX_WAY_BITS	    14
#define ERX_MAX_WAYS	    (1 << ERX_WAY_BITS) /* per CPU, 64 bytes each: at 5,000 of them one in four shares its place */
#define ERX_MAX_FASTPATH    (1 << 17)		/* blocks of 64 addresses */

#define ERX_LINK_MTU 1500 /* bytes of IP */
#define ERX_ETH_LEN  14

/* A packet that has crossed this many devices is in a loop that nothing
 * decrements. No TTL outlives it: it is the largest that fits the byte. */
#define ERX_HOP_BUDGET 255

/* What the VPN tunnel adds: IPv4 20, UDP 8, ESP header 8, IV 8, trailer with
 * pad length and next header 2, ICV 16 (AES-GCM, RFC 4106), padded to 4. So
 * 1436 inner bytes fill 1500. */
#define ERX_TUNNEL_HEAD	       44
#define ERX_TUNNEL_ICV	       16
#define ERX_TUNNEL_PORT	       4500
#define ERX_DEFAULT_TUNNEL_MTU 1436

/* Links with emulated delay, loss or rate. The kernel keeps a record of every frame of the shared memory for each of
 * their sockets, so that memory grows with the square. */
#define ERX_MAX_WIRES 128

/* BFD control packets, RFC 5881 4. */
#define ERX_HELLO_PORT 3784

/* A whole ICMP error stays within this many bytes (RFC 1812 4.3.2.3). */
#define ERX_ICMP_ERROR_MAX 576

#define ERX_CAPTURE_SNAPLEN 1600      /* largest frame plus what a tunnel adds */
#define ERX_CAPTURE_BYTES   (8 << 20) /* of memory between the programs and a capture, for all CPUs */
#define ERX_MAX_CAPTURES    16	      /* of a lab, at once */

#define ERX_NAME_LEN 64	 /* of a lab, in a map */
#define ERX_PATH_LEN 192 /* of a path, in a map: two names of 80, a circuit path and a way */

#endif
